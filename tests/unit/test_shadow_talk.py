"""The probes' client against real sockets: lines, replies, time limits; and programs that are started beside us."""

import os
import socket
import sys
import threading
import time

import pytest

from rupost_core.configuration.shadow.talk import Closed, Late, Talk, Unexpected, until
from rupost_core.errors import CommandFailed
from rupost_core.host.addresses import own_addresses
from rupost_core.host.commands import converse, start


@pytest.fixture
def server():
    """A server that sends the given pieces to whoever connects, then closes or stays silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve(*pieces, close=True):
        def run():
            connection, _peer = listener.accept()
            with connection:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(0.02)
                if not close:
                    stop.wait(10)

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()

    yield serve
    stop.set()
    listener.close()


def test_a_reply_in_pieces_and_over_several_lines_is_read(server):
    with Talk(*server(b"250-on", b"e\r\n250 tw", b"o\r\n", b"221 bye\r\n"), time.monotonic() + 5) as talk:
        assert talk.reply() == "250 two"
        assert talk.reply() == "221 bye"
        with pytest.raises(Closed):
            talk.line()


def test_everything_ends_with_the_connection_and_not_before(server):
    with Talk(*server(b"a" * 9000, b"b"), time.monotonic() + 5) as talk:
        assert talk.everything() == "a" * 9000 + "b"


def test_the_deadline_ends_every_wait(server):
    started = time.monotonic()
    with Talk(*server(b"220 half", close=False), started + 0.3) as talk, pytest.raises(Late):
        talk.line()
    assert time.monotonic() - started < 2


def test_what_is_not_expected_is_told_as_it_was(server):
    with Talk(*server(b"554 no\r\n"), time.monotonic() + 5) as talk, pytest.raises(Unexpected, match="554 no"):
        talk.expect(talk.reply(), "220")


def test_nobody_there_is_told(server):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    with pytest.raises(Unexpected, match="refused"):
        Talk(*address, time.monotonic() + 5)


def test_a_question_is_repeated_until_it_is_answered():
    answers = iter(["no", "no", ""])
    assert until(time.monotonic() + 5, lambda: next(answers)) == ""
    assert until(time.monotonic() + 0.12, lambda: "never") == "never"


def test_a_started_program_stays_until_it_is_ended(tmp_path):
    running = start(["sleep", "30"], output=tmp_path / "out")
    assert running.exit_code() is None
    running.process.kill()
    assert running.process.wait() == -9
    failed = start([sys.executable, "-c", "print('said'); raise SystemExit(3)"], output=tmp_path / "out")
    assert failed.process.wait() == 3
    assert (tmp_path / "out").read_text() == "said\n"
    with pytest.raises(CommandFailed):
        start(["/no/such/program"], output=tmp_path / "out")


def test_a_conversation_hands_on_lines_at_once_and_keeps_the_input_open():
    code = "import sys; print(sys.stdin.readline().strip(), flush=True); print('two'); sys.exit(4)"
    heard = []
    done = converse([sys.executable, "-c", code], timeout=10, first="one\n", on_line=heard.append)
    assert (heard, done.exit_code) == (["one\n", "two\n"], 4)


def test_a_conversation_ends_with_its_time():
    started = time.monotonic()
    done = converse(["sleep", "30"], timeout=0.3, first="", on_line=lambda _line: None)
    assert done.exit_code == -9
    assert time.monotonic() - started < 5


def test_own_addresses_are_those_of_the_interfaces():
    found = own_addresses()
    assert "127.0.0.1" in found
    assert len(found) == len(set(found))
    for address in found:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        socket.inet_pton(family, address)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs namespaces")
def test_an_address_can_be_added_in_a_network_of_its_own():
    code = (
        "from rupost_core.host.addresses import *; bring_loopback_up();"
        "add_to_loopback('198.51.100.7'); add_to_loopback('2001:db8::7'); add_to_loopback('198.51.100.7');"
        "print(*own_addresses())"
    )
    heard = []
    converse(["unshare", "--net", sys.executable, "-c", code], timeout=20, first="", on_line=heard.append)
    assert set(heard[0].split()) >= {"127.0.0.1", "198.51.100.7", "2001:db8::7"}
