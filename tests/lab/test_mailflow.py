"""`rupost check mailflow` on a node: what it proves, and that it fails when something does not work."""

import json

import pytest

STEPS = ["smtp", "relay", "submission", "delivery", "imap", "sieve", "calendar", "address_book", "autoconfiguration"]


def mailflow(lab, node, *options, login="petrova", password=None):
    person = lab.person(login)
    return node.run(
        "rupost", "check", "mailflow", "--address", person.address, *options, check=False,
        RUPOST_CHECK_PASSWORD=person.password if password is None else password,
    )  # fmt: skip


def wait_for_all_ports(node):
    """HAProxy needs a moment to see that a component is back."""
    code = (
        "import sys; from rupost_core.components.probe import probe_all; "
        "sys.exit('; '.join(r.error for r in probe_all('10.77.0.1', 20) if r.error) or 0)"
    )
    node.run("/usr/lib/rupost/venv/bin/python3", "-c", code)


def steps(done):
    return {step["key"]: step for step in json.loads(done.stdout)["steps"]}


def test_every_step_works_and_is_timed(lab, node):
    done = mailflow(lab, node, "--json")
    assert done.returncode == 0, done.stdout
    found = steps(done)
    assert list(found) == STEPS
    assert all(step["ok"] and 0 < step["seconds"] < 30 for step in found.values())
    table = mailflow(lab, node)
    assert table.returncode == 0
    assert len(table.stdout.splitlines()) == len(STEPS) + 1


def test_it_leaves_nothing_in_the_mailbox(lab, node):
    mailflow(lab, node)
    home = "/srv/rupost/MailStorage/demo.local/petrova"
    folders = [f"{home}/Maildir/{name}" for name in ("cur", "new", "tmp")]
    assert node.run("grep", "-rl", "X-RuPost-Check", *folders, check=False).stdout == ""
    assert "rupost-check" not in node.run("ls", f"{home}/sieve", check=False).stdout


@pytest.mark.parametrize(
    ("unit", "broken"),
    [("sogo", {"calendar", "address_book"}), ("postfix@-", {"smtp", "relay", "submission", "delivery"})],
)
def test_a_stopped_component_is_found(lab, node, unit, broken):
    node.run("systemctl", "stop", unit)
    try:
        done = mailflow(lab, node, "--json")
    finally:
        node.run("systemctl", "start", unit)
        wait_for_all_ports(node)
    assert done.returncode == 60
    assert {key for key, step in steps(done).items() if not step["ok"]} == broken
    assert all(step["error"] for key, step in steps(done).items() if key in broken)


def test_a_wrong_password_is_found(lab, node):
    done = mailflow(lab, node, "--json", password="wrong")
    assert done.returncode == 60
    failed = {key for key, step in steps(done).items() if not step["ok"]}
    assert failed == {"submission", "delivery", "imap", "sieve", "calendar", "address_book"}


def test_an_unknown_mailbox_is_an_error_of_its_own(node):
    done = node.run(
        "rupost", "check", "mailflow", "--address", "no@demo.local", check=False, RUPOST_CHECK_PASSWORD="x"
    )
    assert done.returncode == 2
