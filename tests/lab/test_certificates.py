"""Certificates on a real node: what every port serves, a request's round trip, a real ACME authority."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import authority

ROOT = Path(__file__).parents[2]
CA = ["--ca-path", "/etc/rupost-lab/ca.pem"]
LAB_PAIR = ["--cert-path", "/etc/rupost-lab/mail.pem", "--key-path", "/etc/rupost-lab/mail.key", *CA]
DIRECTORY = "https://dir1.demo.local:14000/dir"
# An authority whose certificates live for three minutes: renewal is due after two.
PEBBLE = {
    "listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000",
    "certificate": "/etc/rupost-lab/dir1.pem", "privateKey": "/etc/rupost-lab/dir1.key",
    "httpPort": 80, "tlsPort": 443, "externalAccountBindingRequired": False, "certificateValidityPeriod": 180,
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_certificate_at_the_end(node) -> Iterator[None]:
    yield
    node.run("rupost", "cert", "add", "mail_cert", "--login", "root", "--cert-type", "mail", *LAB_PAIR)
    node.run("rupost", "config", "deploy")


def served(node) -> dict[str, dict]:
    """By purpose; the exit code is checked against what the ports say."""
    done = node.run("rupost", "cert", "served", "--json", check=False)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) == found["ok"] and done.returncode in (0, 30)
    return {port["purpose"]: port for port in found["ports"]}


def states(node) -> set[str]:
    return {port["state"] for port in served(node).values()}


def shown(node, name: str) -> dict:
    return json.loads(node.run("rupost", "cert", "show", name, "--json").stdout)


def new_pair(node, subject: str = "other.demo.local") -> None:
    """/tmp/other.crt and .key: self-signed, for a server."""
    node.run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
        "-subj", f"/CN={subject}", "-addext", "subjectAltName=DNS:mail.demo.local", "-addext",
        "basicConstraints=critical,CA:FALSE", "-keyout", "/tmp/other.key", "-out", "/tmp/other.crt",
    )  # fmt: skip


def add_new(node, name: str = "other") -> None:
    new_pair(node)
    node.run("rupost", "cert", "add", name, "--login", "mailadmin", "--cert-type", "mail",
             "--cert-path", "/tmp/other.crt", "--key-path", "/tmp/other.key")  # fmt: skip


def test_every_port_serves_what_is_deployed_and_the_difference_is_told(lab, node):
    assert states(node) == {"ok"} and len(served(node)) == 7
    add_new(node)
    found = served(node)
    assert {found[purpose]["state"] for purpose in found if purpose != "control panel"} == {"not_deployed"}
    assert found["control panel"]["state"] == "ok"
    sogo = node.run("pgrep", "-o", "-x", "sogod").stdout
    done = node.run("rupost", "config", "deploy")
    assert "restarted" not in done.stderr and node.run("pgrep", "-o", "-x", "sogod").stdout == sogo
    found, fingerprint = served(node), shown(node, "other")["sha256"]
    assert {port["state"] for port in found.values()} == {"ok"}
    assert {p["fingerprint"] for name, p in found.items() if name != "control panel"} == {fingerprint}
    verified = json.loads(node.run("rupost", "cert", "verify", "other", "--json").stdout)["other"]
    assert verified["ok"] and "warning" in {finding["outcome"] for finding in verified["findings"]}


def test_daemons_that_go_on_with_a_former_certificate_are_found_and_the_deployment_takes_itself_back(lab, node):
    """Dovecot is kept from reloading; a reload that reports success and does nothing must not pass."""
    before = node.live()
    add_new(node)
    quiet = "/run/systemd/system/dovecot.service.d/zz-quiet.conf"
    node.run("mkdir", "-p", "/run/systemd/system/dovecot.service.d")
    node.run("sh", "-c", f"printf '[Service]\\nExecReload=\\nExecReload=/bin/true\\n' > {quiet}")
    node.run("systemctl", "daemon-reload")
    try:
        done = node.run("rupost", "config", "deploy", check=False)
        assert done.returncode == 42, done.stderr
        assert "4190 ManageSieve STARTTLS: serves the certificate CN=mail.demo.local" in done.stderr
    finally:
        node.run("rm", quiet)
        node.run("systemctl", "daemon-reload")
    assert node.live() == before
    assert {port["state"] for name, port in served(node).items() if name != "control panel"} == {"not_deployed"}


def test_a_stale_certificate_on_one_port_is_named(lab, node):
    """The live files are exchanged behind the daemons' back: the ports still serve what they read before."""
    new_pair(node, "sneaked.demo.local")
    live = "/var/lib/rupost/configuration/live/tls/mail.crt"
    node.run("cp", live, "/tmp/kept.crt")
    node.run("cp", "/tmp/other.crt", live)
    try:
        found = served(node)
        wrong = {name for name, port in found.items() if port["state"] == "wrong"}
        assert wrong >= {"HTTPS", "IMAPS", "SMTPS"}
        assert "instead of" in found["HTTPS"]["detail"] and "sneaked" in found["HTTPS"]["detail"]
    finally:
        node.run("cp", "/tmp/kept.crt", live)
    assert states(node) == {"ok"}


def test_no_client_is_lost_while_certificates_change(lab, node):
    """50 new connections a second, over three exchanges of the certificate."""
    stop, failures, done = threading.Event(), [], []
    greeted = {465: b"220 ", 993: b"* OK", 443: b"HTTP/1.1 200"}

    def connect(port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection((lab.address, port), 10) as plain,
                context.wrap_socket(plain, server_hostname="mail.demo.local") as wrapped,
            ):
                if port == 443:
                    wrapped.sendall(b"GET /rupost-health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = wrapped.recv(100)
                assert answer.startswith(greeted[port]), answer
            done.append(port)
        except (OSError, AssertionError) as error:
            failures.append((port, repr(error)))

    def load() -> None:
        number, due = 0, time.monotonic()
        while not stop.is_set():
            threading.Thread(target=connect, args=((465, 993, 443)[number % 3],)).start()
            number, due = number + 1, due + 0.02
            time.sleep(max(0.0, due - time.monotonic()))

    driver = threading.Thread(target=load)
    driver.start()
    try:
        for number in range(3):
            add_new(node, f"change{number}")
            node.run("rupost", "config", "deploy")
    finally:
        stop.set()
        driver.join()
    time.sleep(11)
    assert len(done) > 500 and failures == [], (len(done), failures[:5])
    print("CONNECTIONS", len(done))


def test_a_request_goes_to_an_authority_and_its_answer_finds_the_key(lab, node, tmp_path):
    request, answer = tmp_path / "corp.csr", tmp_path / "corp.crt"
    asked = node.run("rupost", "cert", "csr", "corp", "--names", "mail.demo.local,autoconfig.demo.local")
    request.write_text(asked.stdout)
    (tmp_path / "ext").write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
    )
    subprocess.run(
        ["openssl", "x509", "-req", "-in", request, "-out", answer, "-days", "300", "-CA", authority.ca_pem(),
         "-CAkey", authority.folder() / "ca.key", "-CAcreateserial", "-copy_extensions", "copy",
         "-extfile", tmp_path / "ext"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    node.put(answer, "/tmp/corp.crt")
    add = ["rupost", "cert", "add", "corp", "--cert-type", "mail", "--cert-path", "/tmp/corp.crt"]
    refused = node.run(*add, check=False)
    assert refused.returncode == 30 and "CN=RuPost lab CA,O=RuPost lab is missing" in refused.stderr
    node.run(*add, *CA)
    node.run("rupost", "config", "deploy")
    assert states(node) == {"ok"}
    # With the lab's root alone a client trusts it: the chain that is served is whole.
    with socket.create_connection((lab.address, 993), 10) as plain:
        lab.context().wrap_socket(plain, server_hostname="mail.demo.local").close()
    refused = node.run("rupost", "cert", "add", "x", "--cert-type", "mail", "--cert-path", "/etc/rupost-lab/mail.pem",
                       "--key-path", "/tmp/corp.crt", *CA, check=False)  # fmt: skip
    assert refused.returncode == 30 and "no private key" in refused.stderr


def test_the_panel_serves_a_new_certificate_after_a_reload(lab, node):
    pair = ["--cert-path", "/etc/rupost-lab/panel.pem", "--key-path", "/etc/rupost-lab/panel.key", *CA]
    node.run("rupost", "cert", "use", "rupost-control-panel-builtin")
    found = served(node)["control panel"]
    assert found["state"] == "restart_needed" and "stored but not served yet" in found["detail"]
    assert "systemctl restart rupost" in node.run("rupost", "config", "deploy").stderr
    node.run("systemctl", "reload", "rupost")
    wait(lambda: served(node)["control panel"]["state"] == "ok", 15)
    node.run("rupost", "cert", "add", "control_panel_cert", "--cert-type", "control_panel", *pair)
    node.run("systemctl", "restart", "rupost")
    wait(lambda: served(node)["control panel"]["state"] == "ok", 30)


def test_own_parameters_are_made_behind_and_groups_taken_at_once(lab, node):
    node.run("rupost", "dhparam", "generate", "--bits", "2048")
    again = node.run("rupost", "dhparam", "generate", "--bits", "2048", check=False)
    assert again.returncode == 2 and "already" in again.stderr
    wait(lambda: json.loads(node.run("rupost", "dhparam", "status", "--json").stdout)["job"]["state"] == "none", 300)
    assert json.loads(node.run("rupost", "dhparam", "show", "--json").stdout)["name"] == "generated-2048.pem"
    node.run("rupost", "dhparam", "use", "ffdhe3072")
    assert "ffdhe3072 (RFC 7919)" in node.run("rupost", "dhparam", "show").stdout


def wait(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(1)


@contextmanager
def pebble(tmp_path: Path, **changes: object) -> Iterator[None]:
    """Debian's ACME test authority on dir1, which proves names through port 80 of whom they lead to."""
    file = tmp_path / "pebble.json"
    file.write_text(json.dumps({"pebble": PEBBLE | changes}))
    dir1("install", "-m", "644", "/dev/null", "/root/pebble.json")
    subprocess.run([ROOT / "lab/lab", "put", "dir1", file, "/root/pebble.json"], check=True, timeout=60)
    dir1("systemd-run", "--quiet", "--collect", "--unit=pebble", "-E", "PEBBLE_VA_NOSLEEP=1", "pebble", "-config",
         "/root/pebble.json")  # fmt: skip
    try:
        wait(lambda: reaches(14000), 15)
        yield
    finally:
        dir1("systemctl", "stop", "pebble")


def dir1(*command: str) -> None:
    subprocess.run([ROOT / "lab/lab", "sh", "dir1", *command], check=True, timeout=60, capture_output=True)


def reaches(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("10.77.0.21", port)) == 0


def order(node, name: str, names: str, *more: str, check: bool = True):
    return node.run("rupost", "cert", "acme", name, "--directory-url", DIRECTORY, *CA, "--names", names,
                    "--contact", "postmaster@demo.local", *more, check=check)  # fmt: skip


def test_an_acme_authority_issues_renews_and_the_node_follows_by_itself(lab, node, tmp_path):
    node.run("rupost", "dhparam", "use", "ffdhe4096")  # waits for the administrator, and goes on waiting
    with pebble(tmp_path):
        refused = order(node, "auto", "mail.demo.local", check=False)
        assert refused.returncode == 30 and "--agree-terms" in refused.stderr
        order(node, "auto", "mail.demo.local,autoconfig.demo.local", "--agree-terms")
        first = shown(node, "auto")
        assert first["certificate"]["source"] == "acme" and first["in_use"]
        # Nobody deploys here: the agent does, and later again when the scheduler has renewed.
        wait(lambda: served(node)["IMAPS"]["fingerprint"] == first["sha256"], 90)
        wait(lambda: shown(node, "auto")["sha256"] != first["sha256"], 200)
        wait(lambda: served(node)["IMAPS"]["fingerprint"] not in ("", first["sha256"]), 90)
        assert "tls/dhparam.pem" in node.run("rupost", "config", "plan").stdout

        node.run("rupost", "cert", "renew", "auto")
        bad = order(node, "bad", "nowhere.demo.local", "--agree-terms", check=False)
        assert bad.returncode == 30 and "nowhere.demo.local" in bad.stderr and "no such host" in bad.stderr
        # A name that was never proven before, since authorities remember; port 80 is closed.
        node.run("systemctl", "stop", "haproxy")
        shut = order(node, "bad", "autodiscover.demo.local", "--agree-terms", check=False)
        node.run("systemctl", "start", "haproxy")
        assert shut.returncode == 30 and "refused" in shut.stderr and "port 80" in shut.stderr
        assert node.run("rupost", "cert", "show", "bad", check=False).returncode == 2
        assert node.run("ls", "/var/lib/rupost/acme").stdout == ""
    gone = node.run("rupost", "cert", "renew", "auto", check=False)
    assert gone.returncode == 30 and "does not answer" in gone.stderr
    assert "does not answer" in shown(node, "auto")["acme"]["failure"]
    rows = json.loads(node.run("rupost", "journal", "list", "--json").stdout)
    assert {"acme.issue", "acme.fail", "config.deploy"} <= {r["operation"] for r in rows if r["subject"]}
    assert any(row["operation"] == "config.deploy" and row["actor"] == "rupost" for row in rows)


def test_an_authority_that_must_know_the_account_beforehand(lab, node, tmp_path):
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    node.run("sh", "-c", f"umask 077; echo {key} > /root/eab")
    known = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid-1": key}}
    binding = ["--agree-terms", "--eab-kid", "kid-1", "--eab-hmac-file", "/root/eab"]
    with pebble(tmp_path, **known):
        order(node, "bound", "mail.demo.local", *binding)
    assert shown(node, "bound")["in_use"]
