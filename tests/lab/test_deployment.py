"""Deployments on a real node: what breaks a component never reaches it, and what was can be had back."""

import json
import re
import time

import pytest

from lab import clients


def deploy(node, *settings, check=True, skip=(), **variables):
    options = [part for setting in settings for part in ("--set", setting)]
    options += [part for wall in skip for part in ("--skip-wall", wall)]
    return node.run("rupost", "config", "deploy", "--reason", "test", *options, check=check, **variables)


def mail_flows(lab, patience=0.0):
    """A letter from outside arrives; within `patience` seconds it is tried again, as a sender does after a 4xx."""
    subject = f"flow {time.time_ns()}"
    deadline = time.monotonic() + patience
    while True:
        try:
            clients.send_from_outside(lab, "ivanov@demo.local", subject)
            break
        except clients.ClientError as refused:
            if time.monotonic() > deadline or not re.search(r"\b4\d\d\b", str(refused)):
                raise
            time.sleep(1)
    clients.wait_for_letter(lab, lab.person("ivanov"), subject)


BROKEN = {
    "postfix": ("postfix_extra=message_size_limit = lots", "postfix/main.cf", "message_size_limit"),
    "postfix-unknown": ("postfix_extra=mesage_size_limit = 1", "postfix/main.cf", "mesage_size_limit"),
    "dovecot": ("dovecot_extra=no_such_setting = yes", "dovecot/dovecot.conf", "no_such_setting"),
    "dovecot-brace": ("dovecot_extra=service imap {", "dovecot/dovecot.conf", "Missing '}'"),
    "nginx": ("nginx_extra=no_such_directive on;", "nginx/http.conf", "no_such_directive"),
    "haproxy": ("haproxy_extra=frontend x\n    nosuch keyword", "haproxy/haproxy.cfg", "nosuch"),
    "sogo": ("sogo_extra=SOGoBroken = (", "sogo/sogo.conf", "Parse failed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_component_never_reaches_it(lab, node, name):
    setting, file, reason = BROKEN[name]
    component = name.partition("-")[0]
    before = node.live()
    pids = node.run("pgrep", "-x", "master|dovecot|haproxy|sogod|nginx").stdout
    # The lint sees some of these before: here it is the component's own checker that must.
    done = deploy(node, setting, check=False, skip=["lint"])
    assert done.returncode == 41
    assert f"{component}: {file}, line " in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert node.live() == before
    assert node.run("pgrep", "-x", "master|dovecot|haproxy|sogod|nginx").stdout == pids
    mail_flows(lab)


def test_the_refusal_is_data_with_json_and_russian_without_a_locale(node):
    done = node.run("rupost", "config", "deploy", "--set", "dovecot_extra=no_such = 1", "--json", check=False)
    assert json.loads(done.stdout)["error"]["code"] == "check_failed"
    done = deploy(node, "dovecot_extra=no_such = 1", check=False, RUPOST_LANGUAGE="ru")
    assert "ничего не изменено" in done.stderr and "строка" in done.stderr


def test_what_only_fails_in_earnest_takes_itself_back(lab, node):
    """HAProxy's checker accepts an address that the node does not have; the reload then keeps the old worker.

    The shadow start would find it (test_shadow.py).
    """
    before = node.live()
    done = deploy(node, "haproxy_extra=frontend x\n    bind 192.0.2.1:99", check=False, skip=["lint", "shadow"])
    assert done.returncode == 42
    assert "192.0.2.1:99" in done.stderr
    assert node.live() == before
    mail_flows(lab)


def test_a_change_touches_only_its_component_and_can_be_rolled_back(lab, node):
    first = node.live().rpartition("/")[2]
    pids = node.run("pgrep", "-x", "haproxy|nginx|dovecot|sogod").stdout
    planned = node.run("rupost", "config", "plan", "--set", "message_size_limit=10M").stdout
    assert "-message_size_limit = 52428800" in planned and "+message_size_limit = 10485760" in planned
    assert node.live().endswith(f"/{first}")

    deploy(node, "postfix_extra=maximal_queue_lifetime = 3d")
    second = node.live().rpartition("/")[2]
    assert int(second) > int(first)
    assert node.run("pgrep", "-x", "haproxy|nginx|dovecot|sogod").stdout == pids
    value = ["postconf", "-c", "/var/lib/rupost/configuration/live/postfix", "-h", "maximal_queue_lifetime"]
    assert node.run(*value).stdout.strip() == "3d"
    assert "+maximal_queue_lifetime = 3d" in node.run("rupost", "config", "diff", first, second).stdout

    node.run("rupost", "config", "rollback", first)
    assert node.live().endswith(f"/{first}")
    assert node.run(*value).stdout.strip() == "5d"
    mail_flows(lab)
    history = json.loads(node.run("rupost", "config", "history", "--json").stdout)
    numbers = [row["generation"]["number"] for row in history]
    assert numbers == sorted(numbers, reverse=True)
    assert [row["generation"]["number"] for row in history if row["live"]] == [int(first)]


def test_nothing_to_change_makes_no_generation(node):
    before = node.live()
    done = deploy(node)
    assert node.live() == before
    assert "Nothing would change" in done.stderr


def test_an_open_imap_session_survives_a_reload_of_everything_reloadable(lab, node):
    client = clients.imap(lab, lab.person("ivanov"))
    client.select("INBOX")
    deploy(node, "message_size_limit=60M", "imap_connections_per_client=40", "client_affinity=40m")
    assert client.noop()[0] == "OK"
    client.logout()


def test_a_generation_shows_where_it_came_from_and_hides_its_secrets(node):
    shown = node.run("rupost", "config", "show").stdout
    assert "standalone" in shown and "mail.demo.local" in shown
    done = node.run("rupost", "config", "show", "--file", "dovecot/sql.conf", check=False)
    assert done.returncode == 2
    assert "myhostname = mail.demo.local" in node.run("rupost", "config", "show", "--file", "postfix/main.cf").stdout
    assert node.run("rupost", "config", "show", "9999", check=False).returncode == 2


def test_every_change_stands_in_the_journal(node):
    rows = json.loads(node.run("rupost", "journal", "list", "--json").stdout)
    assert {"config.save", "config.deploy", "config.conclude"} <= {row["operation"] for row in rows}
    assert all(row["actor"] == "root" for row in rows if row["face"] == "cli")


def test_a_new_certificate_is_served_after_a_deployment(lab, node):
    """The certificate in use is the newest one; after the test the lab's own is put back."""
    node.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "30", "-subj", "/CN=other.demo.local", "-addext", "subjectAltName=DNS:mail.demo.local",
             "-addext", "basicConstraints=critical,CA:FALSE",
             "-keyout", "/tmp/other.key", "-out", "/tmp/other.crt")  # fmt: skip
    add = ["rupost", "cert", "add", "other", "--login", "mailadmin", "--cert-type", "mail"]
    node.run(*add, "--cert-path", "/tmp/other.crt", "--key-path", "/tmp/other.key")
    deploy(node)
    for port, extra in ((25, ["-starttls", "smtp"]), (465, []), (993, []), (443, [])):
        served = node.run("sh", "-c", f"openssl s_client -connect 10.77.0.1:{port} {' '.join(extra)} </dev/null 2>&1")
        assert "CN = other.demo.local" in served.stdout, port
    lab_pair = ["--cert-path", "/etc/rupost-lab/mail.pem", "--key-path", "/etc/rupost-lab/mail.key"]
    lab_pair += ["--ca-path", "/etc/rupost-lab/ca.pem"]
    node.run("rupost", "cert", "add", "mail_cert", "--login", "root", "--cert-type", "mail", *lab_pair)
    deploy(node)
    wrong = node.run(*add, "--cert-path", "/tmp/other.crt", "--key-path", "/etc/rupost-lab/mail.key", check=False)
    assert wrong.returncode == 30 and "does not belong" in wrong.stderr


def test_dhparam_is_imported_and_a_broken_one_refused(node):
    node.run(
        "openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", "/tmp/dh.any"
    )
    node.run("openssl", "dhparam", "-in", "/tmp/dh.any", "-out", "/tmp/rupost-builtin-dhparam.pem")
    node.run("rupost", "dhparam", "import", "/tmp/rupost-builtin-dhparam.pem")
    planned = node.run("rupost", "config", "plan").stdout
    assert "tls/dhparam.pem" in planned
    done = node.run("rupost", "dhparam", "import", "/etc/hostname", check=False)
    assert done.returncode == 30
