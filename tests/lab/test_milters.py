"""Mail filters and gateways on a real node: rspamd, a scripted milter, a scripted SMTP filter, a gateway in front.

The test's own host is the gateway; dir1 stands for any other host. See docs/milters.md.
"""

import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lab import clients
from lab.clients import ClientError
from tests.lab.smtp_programs import Sink

HERE = Path(__file__).parent
LAB = HERE.parents[1] / "lab/lab"
GATEWAY = "10.77.0.254"
OTHER = "10.77.0.21"
POSTFIX = "/var/lib/rupost/configuration/live/postfix"
SINK_PORT = 2626
STRANGER = "203.0.113.9"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
# 451 to MAIL, 454 to STARTTLS and AUTH
TEMPORARY = r"4\d\d 4\.\d\.\d"
OUTSIDE = "someone@elsewhere.example"
ALL = ("milters", "gateway_before", "gateway_only", "content_filter", "content_filter_networks", "trusted_networks",
       "relay_host")  # fmt: skip


def deploy(node, **given):
    """The parameters of this chapter as given, and all others of it at their defaults."""
    options = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    options += [word for name in ALL if name not in given for word in ("--default", name)]
    node.run("rupost", "config", "deploy", *options, "--reason", "filters")


@pytest.fixture(scope="module", autouse=True)
def afterwards(lab, node):
    node.put(HERE / "scripted_milter.py", "/root/scripted_milter.py")
    node.put(HERE / "smtp_programs.py", "/root/smtp_programs.py")
    yield
    node.run("systemctl", "stop", "rspamd", check=False)
    deploy(node)
    mail_flows(lab, f"afterwards {time.time_ns()}")


@pytest.fixture(scope="module")
def sink():
    server = Sink((GATEWAY, SINK_PORT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def subject():
    return f"test {time.time_ns()}"


class Program:
    """A scripted program under systemd on the node, so that it can be stopped and comes back when told to."""

    def __init__(self, node, unit, *command):
        self.node, self.unit, self.command = node, unit, command

    def start(self, until):
        self.node.run("systemctl", "reset-failed", self.unit, check=False)
        self.node.run("systemd-run", f"--unit={self.unit}", "--collect", "python3", *self.command)
        self.node.run("timeout", "10", "bash", "-c", f"until {until}; do sleep 0.05; done")

    def stop(self):
        self.node.run("systemctl", "kill", "--signal=KILL", self.unit, check=False)
        self.node.run("timeout", "10", "bash", "-c", f"while systemctl is-active -q {self.unit}; do sleep 0.05; done")


@pytest.fixture
def milter(node):
    program = Program(node, "scripted-milter", "/root/scripted_milter.py", "inet:8891@127.0.0.1", "one")
    program.listening = "ss -Hltn sport = :8891 | grep -q ."
    program.start(program.listening)
    yield program
    program.stop()


def mail_flows(lab, subject):
    """In from outside, and from one person to another."""
    ivanov = lab.person("ivanov")
    clients.send_from_outside(lab, ivanov.address, f"{subject} in")
    clients.submit(lab, lab.person("petrova"), ivanov.address, f"{subject} out")
    return tuple(clients.wait_for_letter(lab, ivanov, f"{subject} {way}") for way in ("in", "out"))


def scripted(headers):
    """What the scripted milter says in the header it added: {"connect": "10.77.0.254", …}."""
    unfolded = re.sub(r"\r?\n[ \t]+", " ", headers)
    found = re.search(r"^X-Scripted: (.*)$", unfolded, re.MULTILINE)
    return dict(pair.split("=", 1) for pair in found[1].split()) if found else {}


def wait_in_sink(sink, subject, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for letter in sink.letters:
            if subject in letter:
                return letter
        time.sleep(0.1)
    raise AssertionError(f"no letter “{subject}” left the node")


def swaks(*options, host=None):
    """swaks to port 25 from the test's host, or from a node; returns its exit code and transcript."""
    command = ["swaks", "--server", "10.77.0.1", "--port", "25", "--ehlo", "client.example", *options]
    if host is not None:
        command = [LAB, "sh", host, *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout


# A scripted milter


def test_the_filter_sees_letters_of_both_directions_and_knows_who_sent_them(lab, node, milter, subject):
    deploy(node, milters="custom inet:127.0.0.1:8891")
    incoming, outgoing = (scripted(headers) for headers in mail_flows(lab, subject))
    assert incoming["connect"] == incoming["client_addr"] == GATEWAY
    assert incoming["j"] == "mail.demo.local" and "auth_authen" not in incoming
    assert incoming["daemon_name"] == "mail.demo.local" and incoming["mail_addr"] == "friend@elsewhere.example"
    assert outgoing["client_addr"] == GATEWAY and outgoing["auth_authen"] == "petrova@demo.local"
    assert outgoing["daemon_name"] == "ORIGINATING" and outgoing["auth_type"] == "PLAIN"
    assert re.fullmatch(r"[0-9A-Za-z]{10,}", outgoing["i"])


def test_letters_of_programs_on_the_node_and_of_the_web_client_pass_the_filter(lab, node, milter, subject):
    deploy(node, milters="custom inet:127.0.0.1:8891")
    letter = f"Subject: {subject} pickup\n\nx\n"
    node.run("bash", "-c", f"printf '%s' '{letter}' | sendmail -f root@demo.local ivanov@demo.local")
    node.run(
        "swaks", "--server", "127.0.0.1", "--port", "20025", "--from", "petrova@demo.local", "--to",
        "ivanov@demo.local", "--header", f"Subject: {subject} web",
    )  # fmt: skip
    ivanov = lab.person("ivanov")
    assert scripted(clients.wait_for_letter(lab, ivanov, f"{subject} pickup"))["name"] == "one"
    web = scripted(clients.wait_for_letter(lab, ivanov, f"{subject} web"))
    assert web["client_addr"] == "127.0.0.1" and web["daemon_name"] == "ORIGINATING"


def test_what_the_filter_refuses_is_refused_in_the_session(lab, node, milter, subject):
    deploy(node, milters="custom inet:127.0.0.1:8891")
    for send in (
        lambda: clients.send_from_outside(lab, "ivanov@demo.local", f"{subject} REJECT"),
        lambda: clients.submit(lab, lab.person("petrova"), "ivanov@demo.local", f"{subject} REJECT"),
    ):
        with pytest.raises(ClientError, match=r"550 5\.7\.1 Refused by the scripted milter"):
            send()


@pytest.mark.parametrize(("mail", "ways"), [("incoming", (True, False)), ("outgoing", (False, True))])
def test_a_filter_may_be_for_one_direction_only(lab, node, milter, subject, mail, ways):
    deploy(node, milters=f"custom inet:127.0.0.1:8891 mail={mail}")
    assert tuple(bool(scripted(headers)) for headers in mail_flows(lab, subject)) == ways


def test_filters_are_asked_in_their_order_each_with_a_failure_rule_of_its_own(lab, node, milter, subject):
    second = Program(node, "scripted-second", "/root/scripted_milter.py", "unix:/run/second.sock", "two")
    second.start("test -S /run/second.sock")
    try:
        node.run("chown", "postfix", "/run/second.sock")
        deploy(node, milters="custom inet:127.0.0.1:8891 down=tempfail, custom unix:/run/second.sock down=accept")
        headers = mail_flows(lab, subject)[0]
        assert re.findall(r"^X-Scripted: name=(\w+)", headers, re.MULTILINE) == ["one", "two"]
        second.stop()
        headers = mail_flows(lab, f"{subject} without two")[0]
        assert re.findall(r"^X-Scripted: name=(\w+)", headers, re.MULTILINE) == ["one"]
        milter.stop()
        with pytest.raises(ClientError, match=TEMPORARY):
            clients.send_from_outside(lab, "ivanov@demo.local", subject)
    finally:
        second.stop()


@pytest.mark.parametrize(("down", "refusal"), [("accept", None), ("tempfail", TEMPORARY)])
@pytest.mark.parametrize("failure", ["stopped", "DIE", "DELAY"])
def test_a_filter_that_is_away_dies_or_is_too_slow(lab, node, milter, subject, failure, down, refusal):
    deploy(node, milters=f"custom inet:127.0.0.1:8891 down={down} content=3s")
    if failure == "stopped":
        milter.stop()
        text = subject
    else:
        text = f"{subject} {failure}"
    ivanov = lab.person("ivanov")
    started = time.monotonic()
    if refusal is None:
        clients.send_from_outside(lab, ivanov.address, text)
        assert scripted(clients.wait_for_letter(lab, ivanov, text)) == {}
    else:
        with pytest.raises(ClientError, match=refusal):
            clients.send_from_outside(lab, ivanov.address, text)
    assert time.monotonic() - started < (8 if failure == "DELAY" else 4)
    if failure == "stopped":
        if refusal is None:
            clients.submit(lab, lab.person("petrova"), ivanov.address, f"{text} out")
        else:
            with pytest.raises(ClientError, match=refusal):
                clients.submit(lab, lab.person("petrova"), ivanov.address, f"{text} out")
        milter.start(milter.listening)
        assert all(scripted(headers) for headers in mail_flows(lab, f"{subject} again"))


def test_a_letter_may_be_kept_while_the_filter_is_away(lab, node, milter, subject):
    deploy(node, milters="custom inet:127.0.0.1:8891 down=quarantine")
    milter.stop()
    clients.send_from_outside(lab, "ivanov@demo.local", subject)
    queue = node.run("postqueue", "-c", POSTFIX, "-j").stdout
    assert '"queue_name": "hold"' in queue
    node.run("postsuper", "-c", POSTFIX, "-H", "ALL")
    node.run("postqueue", "-c", POSTFIX, "-f")
    clients.wait_for_letter(lab, lab.person("ivanov"), subject)


def test_a_silent_filter_does_not_take_the_ports_down(lab, node, milter, subject):
    """It takes connections and says nothing: sessions wait their 3 s, and HAProxy's health checks pass."""
    deploy(node, milters="custom inet:127.0.0.1:8891 down=accept")
    milter.stop()
    code = "import socket, time; s = socket.create_server(('127.0.0.1', 8891)); time.sleep(600)"
    silent = Program(node, "scripted-silent", "-c", code)
    silent.start(milter.listening)
    try:
        started = time.monotonic()
        clients.send_from_outside(lab, "ivanov@demo.local", subject)
        assert 3 <= time.monotonic() - started < 6
        time.sleep(12)  # two of HAProxy's checks
        mail_flows(lab, f"{subject} later")
    finally:
        silent.stop()


# rspamd


@pytest.fixture
def rspamd(node):
    node.run("mkdir", "-p", "/etc/rspamd/local.d")
    settings = {
        "worker-proxy.inc": 'bind_socket = "127.0.0.1:11332"; upstream "local" { self_scan = yes; default = yes; }',
        "milter_headers.conf": "extended_spam_headers = true; skip_local = false; skip_authenticated = false;",
        # Compiling its patterns takes a minute of the processor, and is of no use to ten letters.
        "options.inc": 'disable_hyperscan = true; dns { nameserver = ["127.0.0.1"]; timeout = 0.2s; }',
    }
    for name, text in settings.items():
        node.run("bash", "-c", f"printf '%s\\n' '{text}' > /etc/rspamd/local.d/{name}")
    node.run("systemctl", "start", "rspamd")
    ready = "until ss -Hltn sport = :11332 | grep -q .; do sleep 0.1; done"
    done = node.run("timeout", "60", "bash", "-c", ready, check=False)
    assert done.returncode == 0, node.run("tail", "-20", "/var/log/rspamd/rspamd.log", check=False).stdout
    yield
    node.run("systemctl", "stop", "rspamd")


def test_rspamd_marks_clean_letters_and_refuses_gtube_in_both_directions(lab, node, rspamd, subject):
    deploy(node, milters="rspamd down=tempfail")
    for headers in mail_flows(lab, subject):
        assert re.search(r"^X-Spamd-Result: ", headers, re.MULTILINE | re.IGNORECASE)
    petrova = lab.person("petrova")
    from_outside = swaks("--from", OUTSIDE, "--to", "ivanov@demo.local", "--body", GTUBE)
    signed_in = swaks(
        "--port", "465", "--tls-on-connect", "--auth", "PLAIN", "--auth-user", petrova.address, "--auth-password",
        petrova.password, "--from", petrova.address, "--to", "ivanov@demo.local", "--body", GTUBE,
    )  # fmt: skip
    for code, transcript in (from_outside, signed_in):
        assert code != 0
        assert re.search(r"554 5\.7\.1 .*", transcript), transcript


# Gateways


def test_a_gateway_in_front_names_its_clients_and_cannot_relay_outward(lab, node, milter, subject):
    # That the gateway is in a trusted network as well must not help it.
    deploy(
        node, gateway_before=f"{GATEWAY}/32", trusted_networks=f"{GATEWAY}/32", milters="custom inet:127.0.0.1:8891"
    )
    ivanov = lab.person("ivanov")
    xclient = ("--xclient", f"ADDR={STRANGER} NAME=mx.stranger.example")
    code, said = swaks(
        *xclient, "--from", OUTSIDE, "--to", ivanov.address, "--header", f"Subject: {subject}", "--tls",
        "--tls-ca-path", str(lab.ca),
    )  # fmt: skip
    assert code == 0, said
    headers = clients.wait_for_letter(lab, ivanov, subject)
    assert f"[{STRANGER}]" in headers
    assert scripted(headers)["client_addr"] == STRANGER
    for claim in (
        (),
        xclient,
        ("--xclient", "ADDR=127.0.0.1"),
        ("--xclient", f"ADDR={STRANGER} LOGIN=petrova@demo.local"),
    ):
        code, said = swaks(*claim, "--from", OUTSIDE, "--to", "stranger@elsewhere.example")
        assert code != 0 and "554 5.7.1" in said and "Relay access denied" in said, said
    code, said = swaks("--xclient", f"ADDR={STRANGER}", "--from", OUTSIDE, "--to", ivanov.address, host="dir1")
    assert code != 0 and "XCLIENT" not in said.split("->")[1], "only the gateway may name addresses"
    clients.submit(lab, lab.person("petrova"), ivanov.address, f"{subject} inside")
    clients.wait_for_letter(lab, ivanov, f"{subject} inside")


def test_port_25_may_be_for_the_gateway_only(lab, node, sink, subject):
    relay = f"{GATEWAY}:{SINK_PORT}"
    letter = ("--from", "printer@demo.local", "--header", f"Subject: {subject}")
    deploy(node, gateway_before=f"{GATEWAY}/32", gateway_only="yes", relay_host=relay)
    code, said = swaks(*letter, "--to", "ivanov@demo.local", host="dir1")
    assert code != 0 and "554 5.7.1" in said, said
    mail_flows(lab, subject)
    person = lab.person("petrova")
    done = node.run(
        "rupost", "check", "mailflow", "--address", person.address, check=False, RUPOST_CHECK_PASSWORD=person.password
    )
    assert done.returncode == 0, done.stdout
    deploy(node, gateway_before=f"{GATEWAY}/32", gateway_only="yes", relay_host=relay, trusted_networks=f"{OTHER}/32")
    code, said = swaks(*letter, "--to", OUTSIDE, host="dir1")
    assert code == 0, said
    assert "printer@demo.local" in wait_in_sink(sink, subject)


def test_outgoing_letters_pass_a_gateway_behind(lab, node, sink, subject):
    deploy(node, relay_host=f"{GATEWAY}:{SINK_PORT}")
    clients.submit(lab, lab.person("petrova"), OUTSIDE, subject)
    assert "petrova@demo.local" in wait_in_sink(sink, subject)


# An SMTP filter after the queue


def test_letters_of_both_directions_go_through_the_filter_once_and_wait_while_it_is_away(lab, node, sink, subject):
    scanner = Program(node, "scripted-filter", "/root/smtp_programs.py", "10029", "10026")
    scanner.start("ss -Hltn sport = :10029 | grep -q .")
    try:
        deploy(node, content_filter="127.0.0.1:10029", relay_host=f"{GATEWAY}:{SINK_PORT}")
        ivanov = lab.person("ivanov")
        for headers in mail_flows(lab, subject):
            assert headers.count("X-Scripted-Filter: passed") == 1
        clients.submit(lab, lab.person("petrova"), OUTSIDE, f"{subject} abroad")
        assert wait_in_sink(sink, f"{subject} abroad").count("X-Scripted-Filter: passed") == 1
        log = node.run("grep", "-h", "postfix/filtered/smtpd.*client=", "/var/log/mail.log").stdout
        assert f"orig_client=unknown[{GATEWAY}]" in log
        code, said = swaks("--port", "10026", "--from", OUTSIDE, "--to", ivanov.address)
        assert code != 0 and "Connected" not in said, "the way back is open on the node itself only"
        scanner.stop()
        clients.send_from_outside(lab, ivanov.address, f"{subject} waits")
        with pytest.raises(ClientError, match="no letter"):
            clients.wait_for_letter(lab, ivanov, f"{subject} waits", seconds=2)
        scanner.start("ss -Hltn sport = :10029 | grep -q .")
        node.run("postqueue", "-c", POSTFIX, "-f")
        assert "X-Scripted-Filter" in clients.wait_for_letter(lab, ivanov, f"{subject} waits")
    finally:
        scanner.stop()


def test_a_filter_on_another_host_may_return_letters_and_nobody_else(lab, node, subject):
    deploy(node, content_filter=f"{GATEWAY}:10029", content_filter_networks=f"{GATEWAY}/32")
    ivanov = lab.person("ivanov")
    letter = ("--port", "10026", "--from", OUTSIDE, "--to", ivanov.address, "--header", f"Subject: {subject}")
    code, said = swaks(*letter)
    assert code == 0, said
    clients.wait_for_letter(lab, ivanov, subject)
    code, said = swaks(*letter, host="dir1")
    assert code != 0 and "554 5.7.1" in said, said
