"""What a port serves against what it should: real TLS servers on the loopback, with and without STARTTLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest
from authority import DAY, NOW, issue

from rupost_core.certificates.served import ServingPort, chain_of, compare, difference, fetch

ROOT = issue("root", ca=True, end=NOW + 3000 * DAY)
MIDDLE = issue("middle", ROOT, ca=True)
LEAF, OTHER = issue("leaf", MIDDLE), issue("other", MIDDLE)
PEM = LEAF.pem + MIDDLE.pem
CHAIN = chain_of(PEM.decode())
TALK = {
    "": [],
    "smtp": [
        (b"", b"220-a\r\n220 b ESMTP\r\n"),
        (b"EHLO", b"250-a\r\n250 STARTTLS\r\n"),
        (b"STARTTLS", b"220 go\r\n"),
    ],
    "sieve": [(b"", b'"SIEVE" "fileinto"\r\n"STARTTLS"\r\nOK "ready"\r\n'), (b"STARTTLS", b'OK "go"\r\n')],
}


class Server:
    """Serves `pem` to everybody; `talk` is what it hears and says before TLS."""

    def __init__(self, folder, pem, key, talk):
        self.file = folder / "pair.pem"
        self.talk = talk
        self.set(pem, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.names = []
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, pem, key):
        self.file.write_bytes(pem + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.context = context

    def _serve(self):
        while True:
            try:
                plain, _address = self.listener.accept()
            except OSError:
                return
            with plain:
                try:
                    for heard, said in self.talk:
                        if heard:
                            assert plain.recv(100).startswith(heard)
                        plain.sendall(said)
                    self.context.wrap_socket(plain, server_side=True).close()
                except OSError:
                    continue


@pytest.fixture
def server(tmp_path):
    made = []

    def make(pem=PEM, key=LEAF.key_pem, talk=()):
        made.append(Server(tmp_path, pem, key, talk))
        return made[-1]

    yield make
    for one in made:
        one.listener.close()


def port(server, protocol=""):
    return ServingPort(server.port, "test", "mail", protocol)


@pytest.mark.parametrize("protocol", TALK)
def test_the_whole_chain_comes_over_the_wire(server, protocol):
    one = server(talk=TALK[protocol])
    assert fetch("127.0.0.1", port(one, protocol)) == CHAIN
    [found] = compare("127.0.0.1", {"mail": CHAIN}, 0, [port(one, protocol)])
    assert found.error == "" and found.chain == CHAIN
    assert one.names[-1] == "mail.test"


def test_another_certificate_is_told_with_both(server):
    one = server(OTHER.pem + MIDDLE.pem, OTHER.key_pem)
    [found] = compare("127.0.0.1", {"mail": CHAIN}, 0, [port(one)])
    assert "serves the certificate CN=other" in found.error and "instead of CN=leaf" in found.error


def test_a_missing_chain_is_told(server):
    [found] = compare("127.0.0.1", {"mail": CHAIN}, 0, [port(server(LEAF.pem))])
    assert "without its chain: CN=middle" in found.error


def test_it_waits_for_the_right_one_until_the_deadline(server):
    one = server(OTHER.pem, OTHER.key_pem)
    threading.Timer(0.5, one.set, (PEM, LEAF.key_pem)).start()
    started = time.monotonic()
    [found] = compare("127.0.0.1", {"mail": CHAIN}, 10, [port(one)])
    assert found.error == "" and 0.4 < time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("protocol", "talk", "said"),
    [
        ("smtp", [(b"", b"421 4.3.2 shutting down\r\n")], "421 4.3.2"),
        ("smtp", [(b"", b"220 a\r\n"), (b"EHLO", b"250 a\r\n"), (b"STARTTLS", b"502 no\r\n")], "502 no"),
        ("sieve", [(b"", b'BYE "too many"\r\n')], "BYE"),
        ("smtp", [(b"", b"220 a")], "timed out"),
        ("", [(b"", b"220 plain text\r\n")], ""),
    ],
)
def test_a_port_that_does_not_get_to_tls(server, protocol, talk, said, monkeypatch):
    monkeypatch.setattr("rupost_core.certificates.served._ATTEMPT_SECONDS", 0.5)
    [found] = compare("127.0.0.1", {"mail": CHAIN}, 0, [port(server(talk=talk), protocol)])
    assert found.chain == () and found.error and said in found.error


def test_nobody_is_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    [found] = compare("127.0.0.1", {"mail": CHAIN}, 0, [ServingPort(number, "test", "mail")])
    assert "refused" in found.error


def test_issuers_that_the_servers_system_adds_are_no_difference():
    assert difference((*CHAIN, b"root"), CHAIN) == ""
    assert difference(CHAIN[:1], CHAIN) != ""
