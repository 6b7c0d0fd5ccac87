"""The unattended wizard on a node that it has set up: again, and with each wrong input (manual 2.11.1)."""

import json
import re
from pathlib import Path

import pytest

PASSWORD = "db pa$s'w\"rd%1"
OLD_SERVER = Path(__file__).parents[1] / "unit" / "old_server.py"


def wizard(node, *options, password=PASSWORD, **variables):
    arguments = ["rupost-wizard", "--silent", *options]
    return node.run(*arguments, check=False, RUPOST_INSTALLER_DB_PASSWORD=password, **variables)


def settings(node):
    return node.run("cat", "/etc/rupost/config.json").stdout


def test_the_manuals_example_runs_twice_in_a_row(node):
    """With every flag of the manual, in its long form and then in its short one; the second run changes nothing."""
    before = settings(node)
    done = wizard(
        node, "--db-host", "127.0.0.1", "--db-port", "5432", "--db-user", "rupost", "--db-password", PASSWORD,
        "--db-name", "rupost", "--data-db-name", "rupost_data", "--logs-db-name", "rupost_logs",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [int(n) for n in re.findall(r"\[(\d)/8\]", done.stderr)] == list(range(1, 9))
    done = wizard(node, "-h", "127.0.0.1", "-p", "5432", "-n", "rupost", "-d", "rupost_data", "-l", "rupost_logs",
                  "-u", "rupost", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    assert [step["outcome"] for step in answer["steps"][:5]] == ["present"] * 5
    assert settings(node) == before


def test_what_the_wizard_leaves(node):
    assert node.run("stat", "-c", "%a %U %G", "/etc/rupost/config.json").stdout.strip() == "640 root rupost"
    for unit in ("rupost.service", "rupost-scheduler.service", "rupost-mailqueue-evacuator.timer",
                 "rupost-distribution-lists-updater.timer"):  # fmt: skip
        assert node.run("systemctl", "is-active", unit).stdout.strip() == "active", unit
        assert node.run("systemctl", "is-enabled", unit).stdout.strip() == "enabled", unit
    for unit in ("rupost-mailqueue-evacuator.service", "rupost-distribution-lists-updater.service"):
        node.run("systemctl", "start", unit)
    assert node.run("systemctl", "is-system-running", check=False).stdout.strip() == "running"
    pid = node.run("systemctl", "show", "rupost", "-p", "MainPID", "--value").stdout.strip()
    assert node.run("stat", "-c", "%U", f"/proc/{pid}").stdout.strip() == "rupost"
    assert node.run("stat", "-c", "%U", "/var/log/rupost/monitor.log").stdout.strip() == "rupost"


WRONG = {
    "credentials": (["-u", "rupost"], "wrong", 12, "database_credentials"),
    "missing-server": (["-h", "127.0.0.1", "-p", "1"], PASSWORD, 11, "database_unreachable"),
    "no-rights": (["-u", "plain", "-n", "nowhere"], "plain", 14, "database_rights"),
    "foreign-database": (["-u", "plain"], "plain", 14, "database_rights"),
    "old-version": (["-p", "5499"], PASSWORD, 13, "database_too_old"),
}


@pytest.fixture(scope="module")
def servers(node):
    """A role without rights, and a server that says it is PostgreSQL 9.5 (the real one behind a proxy)."""
    sql = "CREATE ROLE plain LOGIN NOCREATEDB PASSWORD 'plain'"
    node.run("runuser", "-u", "postgres", "--", "psql", "-qXc", sql)
    node.put(OLD_SERVER, "/root/old_server.py")
    node.run("systemd-run", "--quiet", "--unit=old-server", "/usr/bin/python3", "/root/old_server.py",
             "5499", "5432")  # fmt: skip
    node.run("sh", "-c", "until ss -tln | grep -q :5499; do sleep 0.1; done", timeout=10)
    yield
    node.run("systemctl", "stop", "old-server", check=False)
    node.run("runuser", "-u", "postgres", "--", "psql", "-qXc", "DROP ROLE plain")


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_input_has_its_own_error_and_changes_nothing(node, servers, name):
    options, password, exit_code, code = WRONG[name]
    before = settings(node)
    done = wizard(node, *options, "--json", password=password)
    assert done.returncode == exit_code, done.stdout + done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == code
    assert error["hint"]
    assert "Traceback" not in done.stdout + done.stderr
    assert settings(node) == before
    assert node.run("systemctl", "is-active", "rupost").stdout.strip() == "active"


def test_an_error_reads_well_in_russian(node, servers):
    done = wizard(node, "-h", "127.0.0.1", "-p", "1", RUPOST_LANGUAGE="ru")
    assert done.returncode == 11
    assert re.search("[а-я]{4}", done.stderr) and "Что делать" in done.stderr


def test_a_dump_of_the_databases_reveals_no_secret(node, lab):
    dump = node.run("runuser", "-u", "postgres", "--", "pg_dumpall", "--no-role-passwords").stdout
    bind_password = 'sv"c $ecr#t%1'
    key_lines = node.run("cat", "/etc/rupost-lab/mail.key").stdout.splitlines()[1:-1]
    for secret in (PASSWORD, PASSWORD.replace("'", "''"), bind_password, *key_lines):
        assert secret not in dump
    assert "BEGIN PRIVATE KEY" not in dump
    assert "mail.demo.local" in dump  # the certificate's names are no secret: the dump does hold the tables
