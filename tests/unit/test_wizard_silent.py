"""The unattended wizard on a real PostgreSQL: fresh, again, killed anywhere, and everything that can be wrong."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from old_server import posing_as_old
from wizard_postgres import ROOT, Place, Server, free_port, running_server

from rupost_core import settings
from rupost_core.certificates.model import BUILTIN_NAMES
from rupost_core.secret import Keyring, Secret, WrappedKey
from wizard.steps import STEPS

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
KEYS = ["databases", "templates", "certificate", "panel_certificate", "dhparam", "evacuator", "lists", "services"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Place:
    return Place(server, tmp_path / "etc" / "rupost" / "config.json")


def data_key(place: Place, password: str | None = None) -> Keyring:
    ((salt, sealed),) = place.rows("SELECT salt, sealed FROM cluster_key")
    return Keyring.unwrap(WrappedKey(bytes(salt), bytes(sealed)), Secret(password or place.password))


def outcomes(text: str) -> list[str]:
    return [step["outcome"] for step in json.loads(text)["steps"]]


def test_the_steps_are_the_manuals() -> None:
    assert [(step.number, step.key) for step in STEPS] == list(enumerate(KEYS, 1))


def test_a_fresh_run_makes_everything(place: Place) -> None:
    done = place.run()
    assert done.returncode == 0, done.stderr
    for number, step in enumerate(STEPS, 1):
        assert re.search(rf"^\[{number}/8\] {re.escape(step.title)} … .*\(\d+\.\d s\)$", done.stderr, re.MULTILINE)
    assert "created" in done.stderr and "PostgreSQL 15" in done.stderr
    assert done.stdout.count("rupost ") == 3 and ":5000" in done.stdout
    for command in ("directory add", "domain add", "config deploy"):
        assert command in done.stdout
    assert place.config.stat().st_mode & 0o777 == 0o640
    written = settings.load(place.config)
    assert written.database.password == Secret(place.password) and written.database.user == place.user
    assert (written.database.name, written.database.data_name, written.database.logs_name) == place.names
    assert place.rows("SELECT name, address FROM node") == [(written.node_name, written.node_address)]
    assert {name for (name,) in place.rows("SELECT name FROM certificate")} == set(BUILTIN_NAMES.values())
    assert place.rows("SELECT name, bits FROM dhparam") == [("rupost-builtin-dhparam.pem", 3072)]
    assert place.rows("SELECT to_regclass('event') IS NOT NULL", place.names[2]) == [(True,)]
    assert "Warning" not in done.stderr and "Traceback" not in done.stderr


def test_certificates_name_the_host_and_its_address(place: Place) -> None:
    assert place.run("--node-address=10.20.30.40", "--node-name=mail01").returncode == 0
    for (names,) in place.rows("SELECT names FROM certificate"):
        assert "10.20.30.40" in names and len(names) >= 2


def _identity(path: Path) -> tuple[int, int]:
    """What changes when a file is written anew; reading it changes neither."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def test_json_is_one_document_and_a_second_run_changes_nothing(place: Place) -> None:
    first = place.run("--json")
    assert first.returncode == 0, first.stderr
    said = json.loads(first.stdout)
    assert said["ok"] is True and said["config"] == str(place.config)
    assert said["panel"] == f"https://{settings.load(place.config).node_address}:5000"
    assert [step["key"] for step in said["steps"]] == KEYS
    assert outcomes(first.stdout) == ["done"] * 5 + ["skipped"] * 3
    assert all(set(step) == {"number", "key", "title", "outcome", "seconds", "message"} for step in said["steps"])
    before = (
        _identity(place.config),
        place.rows("SELECT name, serial FROM certificate ORDER BY 1"),
        data_key(place)._key,
    )
    second = place.run("--json")
    assert outcomes(second.stdout) == ["present"] * 5 + ["skipped"] * 3
    after = (
        _identity(place.config),
        place.rows("SELECT name, serial FROM certificate ORDER BY 1"),
        data_key(place)._key,
    )
    assert before == after
    assert "[8/8]" in second.stderr


def test_a_run_without_flags_keeps_what_config_json_says(place: Place) -> None:
    assert place.run().returncode == 0
    environment = place.environment() | {"RUPOST_INSTALLER_DB_PASSWORD": ""}
    done = subprocess.run(
        [sys.executable, "-m", "wizard", "-s", "--no-services", "--json"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert outcomes(done.stdout) == ["present"] * 5 + ["skipped"] * 3


@pytest.mark.parametrize("number", range(1, 9))
def test_killed_in_any_step_and_run_again(place: Place, number: int) -> None:
    victim = place.start()
    assert victim.stderr is not None
    said = ""
    while f"[{number}/8]" not in said:
        character = victim.stderr.read(1)
        assert character, said
        said += character
    victim.kill()
    victim.communicate()
    again = place.run("--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["ok"] is True
    assert place.rows("SELECT count(*) FROM certificate") == [(2,)]
    assert place.rows("SELECT count(*) FROM cluster_key") == [(1,)]
    data_key(place)


def test_two_wizards_at_once_make_one_key(place: Place, tmp_path: Path) -> None:
    place.make_role()
    other = Place(place.server, tmp_path / "other" / "config.json", place.password, place.number)
    both = [place.start(), other.start()]
    for process in both:
        _out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert place.rows("SELECT count(*) FROM cluster_key") == [(1,)]
    data_key(place)


def test_a_wrong_password_of_an_existing_role(place: Place) -> None:
    place.make_role()
    done = place.run("--json", password="wrong")
    assert done.returncode == 12
    said = json.loads(done.stdout)
    assert said["ok"] is False and said["error"]["code"] == "database_credentials" and said["steps"] == []
    assert "RUPOST_INSTALLER_DB_PASSWORD" in said["error"]["hint"]
    assert not place.config.exists()
    place.server.connect(place.user, place.password, "postgres").close()  # the role's own password still holds


def test_no_server(place: Place) -> None:
    done = place.run("--json", db_port=str(free_port()))
    assert done.returncode == 11 and json.loads(done.stdout)["error"]["code"] == "database_unreachable"
    assert not place.config.exists()


def test_a_name_that_dns_does_not_know(place: Place) -> None:
    done = place.run(db_host="no-such-host.invalid")
    assert done.returncode == 11 and "no-such-host.invalid" in done.stderr


def test_something_else_listens_on_the_port(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = place.run("--json", db_port=str(port))
    assert done.returncode == 11


def test_an_old_server_is_refused_before_anything_is_made(place: Place) -> None:
    place.make_role()
    with posing_as_old(place.server.port, "9.5.25") as port:
        done = place.run("--json", db_port=str(port))
    assert done.returncode == 13, done.stdout + done.stderr
    assert "9.5.25" in json.loads(done.stdout)["error"]["message"]
    assert place.names[0] not in place.server.superuser("SELECT datname FROM pg_database").splitlines()
    assert not place.config.exists()


def test_the_oldest_server_that_will_do_is_not_refused_for_its_version(place: Place) -> None:
    place.make_role("NOCREATEDB LOGIN")
    with posing_as_old(place.server.port, "9.6.0") as port:
        assert place.run(db_port=str(port)).returncode == 14


def test_a_role_that_may_not_make_the_databases(place: Place) -> None:
    place.make_role("NOCREATEDB LOGIN")
    done = place.run("--json")
    assert done.returncode == 14
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "database_rights" and "CREATE DATABASE" in error["hint"]
    assert not place.config.exists()


def test_databases_made_by_an_administrator_need_no_createdb(place: Place) -> None:
    place.make_role("NOCREATEDB LOGIN")
    for name in place.names:
        place.server.superuser(f"CREATE DATABASE \"{name}\" WITH ENCODING 'UTF8' OWNER {place.quoted_user};")
    done = place.run()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("foreign", [0, 1, 2])
def test_a_role_that_does_not_own_a_database(place: Place, foreign: int) -> None:
    place.make_role()
    for number, name in enumerate(place.names):
        owner = "postgres" if number == foreign else place.quoted_user
        place.server.superuser(f"CREATE DATABASE \"{name}\" WITH ENCODING 'UTF8' OWNER {owner};")
    done = place.run("--json")
    assert done.returncode == 14, done.stdout
    error = json.loads(done.stdout)["error"]
    assert place.names[foreign] in error["message"] and "OWNER" in error["hint"]
    assert not place.config.exists()


def test_a_database_in_another_encoding(place: Place) -> None:
    place.make_role()
    place.server.superuser(
        f"CREATE DATABASE \"{place.names[0]}\" WITH ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' "
        f"TEMPLATE template0 OWNER {place.quoted_user};"
    )
    done = place.run("--json")
    assert done.returncode == 15 and "SQL_ASCII" in json.loads(done.stdout)["error"]["message"]


def test_a_structure_of_a_newer_version(place: Place) -> None:
    assert place.run().returncode == 0
    connection = place.server.connect(place.user, place.password, place.names[0])
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = place.run("--json")
    said = json.loads(done.stdout)
    assert done.returncode == 15 and "9999" in said["error"]["message"]
    assert [(step["key"], step["outcome"]) for step in said["steps"]] == [("databases", "failed")]


def test_the_first_of_several_hosts_is_dead(place: Place) -> None:
    place.make_role()
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{place.server.port}"
    done = place.run(db_host=hosts, db_port="")
    assert done.returncode == 0, done.stderr
    assert len(settings.load(place.config).database.hosts) == 2


def test_a_local_role_is_not_made_for_several_hosts(place: Place) -> None:
    done = place.run(db_host=f"127.0.0.1:{place.server.port},127.0.0.2:{place.server.port}", db_port="")
    assert done.returncode == 12


def test_no_password(place: Place) -> None:
    done = place.run("--json", password="")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2
    assert "RUPOST_INSTALLER_DB_PASSWORD" in error["hint"] and "--db-password" in error["hint"]


def test_an_unknown_flag(place: Place) -> None:
    done = place.run("--db-nmae", "x")
    assert done.returncode == 2 and "--db-name" in done.stderr and "Traceback" not in done.stderr
    done = place.run("--db-nmae", "x", "--json")
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["code"] == "input"


def test_without_silent_the_example_is_shown(place: Place) -> None:
    done = subprocess.run([sys.executable, "-m", "wizard"], env=place.environment(), cwd=ROOT,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 2 and "--silent --db-host" in done.stderr


def test_help_lists_flags_and_exit_codes(place: Place) -> None:
    done = subprocess.run([sys.executable, "-m", "wizard", "--help"], env=place.environment(), cwd=ROOT,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0 and done.stderr == ""
    short = ("-h, --db-host", "-p, --db-port", "-n, --db-name", "-d, --data-db-name", "-l, --logs-db-name")
    for flag in (
        *short,
        "-u, --db-user",
        "--db-password",
        "--json",
        "--node-name",
        "--node-address",
        "--no-services",
    ):
        assert flag in done.stdout
    for code in (2, 3, 11, 12, 13, 14, 15, 16, 17, 50):
        assert re.search(rf"^  {code}\b", done.stdout, re.MULTILINE)


def test_a_password_on_the_command_line_is_noted_and_wins(place: Place) -> None:
    place.make_role()
    done = place.run(f"--db-password={place.password}", password="wrong")
    assert done.returncode == 0, done.stderr
    assert "list of processes" in done.stderr
    assert "list of processes" not in place.run().stderr


def test_a_changed_database_password_keeps_the_data_key(place: Place) -> None:
    assert place.run().returncode == 0
    key = data_key(place)._key
    place.server.superuser(f"ALTER ROLE {place.quoted_user} PASSWORD 'новый'")
    assert place.run().returncode == 12  # the former one logs in no more
    done = place.run("--json", password="новый")
    assert done.returncode == 0, done.stderr
    place.password = "новый"
    assert data_key(place)._key == key
    assert settings.load(place.config).database.password == Secret("новый")
    assert place.rows("SELECT face, outcome FROM journal WHERE operation = 'key.rewrap'") == [("wizard", "done")]


def test_killed_between_rewrap_and_config_json(place: Place) -> None:
    """The key is already under the new password, config.json still has the former: the next run goes on."""
    assert place.run().returncode == 0
    former = place.config.read_bytes()
    place.server.superuser(f"ALTER ROLE {place.quoted_user} PASSWORD 'new'")
    assert place.run(password="new").returncode == 0
    place.config.write_bytes(former)
    done = place.run(password="new")
    assert done.returncode == 0, done.stderr


def test_a_key_under_a_password_that_nobody_knows_any_more(place: Place) -> None:
    assert place.run().returncode == 0
    place.server.superuser(f"ALTER ROLE {place.quoted_user} PASSWORD 'new'")
    place.config.unlink()
    done = place.run("--json", password="new")
    assert done.returncode == 17 and json.loads(done.stdout)["error"]["code"] == "seal_broken"
    assert not place.config.exists()


def test_a_broken_config_json_is_written_anew(place: Place) -> None:
    place.config.parent.mkdir(parents=True)
    place.config.write_text("{")
    done = place.run()
    assert done.returncode == 0, done.stderr
    settings.load(place.config)


def test_a_config_path_that_cannot_be_written(place: Place, tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file where a folder should be")
    done = place.run()
    assert done.returncode == 16 and "Traceback" not in done.stderr


@pytest.fixture
def as_nobody() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs the wizard as a plain user, who must be able to read the checkout wherever it lies (below /root, say):
    a mount namespace shows it to him at a path that is open to all."""
    seen = Path("/tmp") / f"rupost-checkout.{os.getpid()}"
    seen.mkdir(mode=0o755)
    enter = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"'

    def run(environment: dict[str, str], flags: list[str]) -> subprocess.CompletedProcess[str]:
        python = seen / Path(sys.executable).relative_to(ROOT)
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", enter, "sh", ROOT, seen,
             *NOBODY, python, "-m", "wizard", *flags],
            env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    yield run
    seen.rmdir()


def test_a_plain_user_is_sent_to_sudo(place: Place, as_nobody: Callable[..., Any]) -> None:
    flags = place.flags()
    flags.remove("--no-services")
    environment = place.environment() | {"RUPOST_CONFIG": "/etc/rupost/config.json"}
    for some in (flags, [*flags, "--no-services"]):
        done = as_nobody(environment, some)
        assert done.returncode == 3 and "sudo" in done.stderr, done.stderr


def test_a_plain_user_may_write_where_he_may(place: Place, as_nobody: Callable[..., Any]) -> None:
    place.make_role()
    home = Path("/tmp") / f"rupost-wizard-test.{os.getpid()}"
    home.mkdir(mode=0o755)
    os.chown(home, 65534, 65534)
    place.config = home / "etc" / "config.json"
    try:
        done = as_nobody(place.environment(), place.flags())
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["rm", "-r", str(home)], check=True)


def test_a_dump_reveals_no_secret(place: Place) -> None:
    assert place.run().returncode == 0
    key = data_key(place)._key
    dumps = "".join(place.server.dump(name) for name in place.names)
    assert "BEGIN CERTIFICATE" in dumps and "BEGIN DH PARAMETERS" in dumps
    assert "PRIVATE KEY" not in dumps
    assert key.hex() not in dumps
    for piece in (place.password, "пароль"):
        assert piece not in dumps
    for (sealed,) in place.rows("SELECT key_sealed FROM certificate"):
        assert b"PRIVATE KEY" not in bytes(sealed)


def test_the_password_is_in_no_log_of_the_server(place: Place) -> None:
    """This server logs every statement; the role was made by the wizard."""
    assert place.run().returncode == 0
    log = place.server.log()
    assert "CREATE DATABASE" in log and "пароль" not in log
