"""Changes by hand on a real node: seen in time, kept or put back, and never lost under a deployment."""

import json
import time
from pathlib import Path

import pytest

LIVE = "/var/lib/rupost/configuration/live"
MAIN, HTTP = "postfix/main.cf", "nginx/http.conf"
LOG = "/var/log/rupost/monitor.log"
BENCH = Path(__file__).parents[2] / "bench/node/drift.py"
PYTHON = "/usr/lib/rupost/venv/bin/python3"
IN_TIME_SECONDS = 2.0


def rupost(node, *arguments, check=True):
    return node.run("rupost", *arguments, check=check)


def drift(node):
    views = json.loads(rupost(node, "config", "drift", "--json").stdout)["views"]
    return {view["drift"]["path"]: view for view in views}


def sql(node, statement):
    return node.run("runuser", "-u", "postgres", "--", "psql", "-qAtX", "rupost", "-c", statement).stdout.strip()


def noted(node, expected, within=20):
    until = time.monotonic() + within
    while sql(node, "SELECT path || ' ' || kind FROM drift ORDER BY path") != expected and time.monotonic() < until:
        time.sleep(0.3)
    assert sql(node, "SELECT path || ' ' || kind FROM drift ORDER BY path") == expected


def setting(node, name):
    return node.run("postconf", "-c", f"{LIVE}/postfix", "-h", name).stdout.strip()


def sed(node, expression, path=MAIN):
    node.run("sed", "-i", expression, f"{LIVE}/{path}")


@pytest.fixture(autouse=True)
def as_deployed(node):
    """Each test begins and ends without drift and without overrides."""
    yield
    rupost(node, "config", "restore", "--all")
    for use in json.loads(rupost(node, "config", "override", "list", "--json").stdout):
        rupost(node, "config", "override", "drop", use["path"])
    rupost(node, "config", "deploy", "--default", "message_size_limit", "--default", "relay_host")


def test_twenty_edits_of_every_kind_are_in_the_log_in_time(node):
    node.put(BENCH, "/root/drift.py")
    found = json.loads(node.run(PYTHON, "/root/drift.py").stdout)
    assert found["edits"] == 20
    assert found["maximum"] < IN_TIME_SECONDS, found["each"]
    assert drift(node) == {}


def test_what_was_changed_is_noted_and_while_the_database_is_away_it_is_kept(node):
    sed(node, "s/^recipient_delimiter.*/recipient_delimiter = -/")
    noted(node, f"{MAIN} changed")
    node.run("systemctl", "stop", "postgresql@15-main")
    try:
        position = int(node.run("stat", "-c", "%s", LOG).stdout)
        node.run("chmod", "600", f"{LIVE}/{HTTP}")
        time.sleep(IN_TIME_SECONDS)
        said = node.run("tail", "-c", f"+{position + 1}", LOG).stdout
    finally:
        node.run("systemctl", "start", "postgresql@15-main")
    assert f"{HTTP}: " in said and "0644 → 0600" in said
    noted(node, f"{HTTP} attributes\n{MAIN} changed")
    rupost(node, "config", "restore", "--all")
    noted(node, "")


def test_a_deployment_is_refused_and_nothing_is_touched(node):
    before = node.live()
    sed(node, "s/^recipient_delimiter.*/recipient_delimiter = -/")
    for command in (
        ["deploy", "--set", "message_size_limit=60M"],
        ["deploy"],
        ["rollback", before.rpartition("/")[2]],
    ):
        done = rupost(node, "config", *command, check=False)
        assert done.returncode == 43, command
        assert MAIN in done.stderr and "adopt" in done.stderr and "--discard-drift" in done.stderr
    assert node.live() == before
    assert setting(node, "recipient_delimiter") == "-"
    assert MAIN in rupost(node, "config", "plan").stdout


def test_the_three_way_difference(node):
    sed(node, "s/^message_size_limit.*/message_size_limit = 7654321/")
    node.run("sh", "-c", f"echo '# SECRET' >> {LIVE}/dovecot/sql.conf")
    found = drift(node)
    assert "+message_size_limit = 7654321" in found[MAIN]["view"]["diff"]
    assert found[MAIN]["view"]["next_changes"] is False
    assert found["dovecot/sql.conf"]["view"]["diff"] == []
    assert found["dovecot/sql.conf"]["view"]["added_lines"] == 1
    assert "SECRET" not in rupost(node, "config", "drift").stdout
    assert "+# SECRET" in rupost(node, "config", "drift", "--show-secrets").stdout


def test_an_adopted_change_outlives_parameters_until_it_is_dropped(node):
    first = setting(node, "recipient_delimiter")
    sed(node, "s/^recipient_delimiter.*/recipient_delimiter = -/")
    digest = node.run("sha256sum", f"{LIVE}/{MAIN}").stdout.split()[0]
    rupost(node, "config", "adopt", MAIN, "--reason", "asked for")
    assert node.run("sha256sum", f"{LIVE}/{MAIN}").stdout.split()[0] == digest
    assert drift(node) == {}
    assert "Nothing would change" in rupost(node, "config", "deploy").stderr

    rupost(node, "config", "deploy", "--set", "message_size_limit=60M", "--set", "relay_host=relay.demo.local:25")
    assert setting(node, "recipient_delimiter") == "-"
    assert setting(node, "message_size_limit") == str(60 * 2**20)
    assert "asked for" in rupost(node, "config", "override", "list").stdout
    assert "+recipient_delimiter = -" in rupost(node, "config", "override", "show", MAIN).stdout

    rupost(node, "config", "override", "drop", MAIN)
    assert setting(node, "recipient_delimiter") == "-"
    rupost(node, "config", "deploy")
    assert setting(node, "recipient_delimiter") == first
    assert setting(node, "message_size_limit") == str(60 * 2**20)
    rows = json.loads(rupost(node, "journal", "list", "--json", "--limit", "30").stdout)
    assert {"override.adopt", "override.drop"} <= {row["operation"] for row in rows}


def test_a_conflict_refuses_the_deployment_and_is_solved_in_the_editor(node):
    sed(node, "s/^message_size_limit.*/message_size_limit = 7654321/")
    rupost(node, "config", "adopt", MAIN, "--reason", "small mails")
    before = node.live()
    done = rupost(node, "config", "deploy", "--set", "message_size_limit=60M", check=False)
    assert done.returncode == 44
    assert f"{MAIN}, line " in done.stderr and "small mails" in done.stderr
    assert "override: message_size_limit = 7654321" in done.stderr
    assert "template: message_size_limit = 62914560" in done.stderr
    assert node.live() == before and setting(node, "message_size_limit") == "7654321"
    editor = "sed -i 's/^message_size_limit.*/message_size_limit = 8654321/'"
    node.run("rupost", "config", "override", "edit", MAIN, EDITOR=editor, VISUAL=editor)
    rupost(node, "config", "deploy")
    assert setting(node, "message_size_limit") == "8654321"


def test_an_adopted_change_that_a_wall_refuses_stays_where_it_is(node):
    before = node.live()
    sed(node, "$ a no_such_setting = 1")
    done = rupost(node, "config", "adopt", MAIN, "--reason", "test", check=False)
    assert done.returncode == 41 and "no_such_setting" in done.stderr
    assert node.live() == before
    assert list(drift(node)) == [MAIN]
    assert json.loads(rupost(node, "config", "override", "list", "--json").stdout) == []


def test_restoring_puts_back_and_sets_aside_and_the_daemon_takes_it_up(node):
    sed(node, "s/^recipient_delimiter.*/recipient_delimiter = -/")
    node.run("rm", f"{LIVE}/{HTTP}")
    node.run("chown", "nobody", f"{LIVE}/haproxy/haproxy.cfg")
    node.run("sh", "-c", f"echo x > {LIVE}/dovecot/extra.conf")
    done = rupost(node, "config", "restore", MAIN)
    assert "set-aside" in done.stderr and "reloaded postfix" in done.stderr
    folder = done.stderr.split("set-aside/")[1].split()[0]
    aside = f"/var/lib/rupost/configuration/set-aside/{folder}/{MAIN}"
    assert "recipient_delimiter = -" in node.run("cat", aside).stdout
    assert node.run("stat", "-c", "%a %U", aside).stdout.strip() == "600 root"
    assert set(drift(node)) == {HTTP, "haproxy/haproxy.cfg", "dovecot/extra.conf"}
    rupost(node, "config", "restore", "--all")
    assert drift(node) == {}


def test_discarding_is_said_aloud_set_aside_and_journaled(node):
    before = node.live()
    sed(node, "s/^recipient_delimiter.*/recipient_delimiter = -/")
    done = rupost(node, "config", "deploy", "--discard-drift")
    assert "set aside" in done.stderr and MAIN in done.stderr and "reloaded postfix" in done.stderr
    assert node.live() != before
    assert setting(node, "recipient_delimiter") == "+"
    rows = json.loads(rupost(node, "journal", "list", "--json").stdout)
    assert any(row["operation"] == "config.deploy" and row["after"]["discard_drift"] for row in rows)


def test_deployments_leave_no_word_of_drift_in_the_log(node):
    rupost(node, "config", "restore", "--all")
    time.sleep(1)
    position = int(node.run("stat", "-c", "%s", LOG).stdout)
    for size in ("61M", "62M", "63M"):
        rupost(node, "config", "deploy", "--set", f"message_size_limit={size}")
    rupost(node, "config", "rollback", str(int(node.live().rpartition("/")[2]) - 2))
    time.sleep(1)
    said = node.run("tail", "-c", f"+{position + 1}", LOG).stdout
    assert not any(path in said for path in (MAIN, HTTP))
