"""A private PostgreSQL 15 for the tests, and a core of an administrator over it, with empty tables in every test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import psycopg2
import pytest

from rupost_core.access import store as access_store
from rupost_core.core import Core
from rupost_core.database.engine import Database
from rupost_core.database.migrate import migrate
from rupost_core.operation import Actor, Role
from rupost_core.secret import Keyring, Secret
from rupost_core.settings import DatabaseSettings, Settings

# Tests compare texts; Russian ones come from a catalogue that is compiled when the package is built.
os.environ["RUPOST_LANGUAGE"] = "en"

# `make test` takes the same sample every time; `make sweep` a large one of its own, with the failing case printed.
hypothesis.settings.register_profile("test", derandomize=True, deadline=None)
hypothesis.settings.register_profile("sweep", max_examples=5000, deadline=None, print_blob=True)
hypothesis.settings.load_profile("sweep" if os.environ.get("RUPOST_SWEEP") else "test")

POSTGRES = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "tést 'pass\" % \\ 1"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_postgres(*arguments: str | Path) -> None:
    """PostgreSQL refuses to run as root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*prefix, *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseSettings]:
    """A server of its own on 127.0.0.1 with the role `rupost` and three empty databases."""
    home = Path(tempfile.mkdtemp(prefix="rupost-pg-"))
    data, port = home / "data", free_port()
    try:
        if os.geteuid() == 0:
            shutil.chown(home, "postgres", "postgres")
        as_postgres(POSTGRES / "initdb", "-D", data, "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=peer",
                    "--auth-host=scram-sha-256", "--no-sync")  # fmt: skip
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home} -c fsync=off -c full_page_writes=off"
        as_postgres(POSTGRES / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", options, "start")
        settings = DatabaseSettings((("127.0.0.1", port),), "rupost", Secret(PASSWORD))
        quoted = PASSWORD.replace("'", "''")
        statements = [
            f"CREATE ROLE rupost NOSUPERUSER CREATEDB NOCREATEROLE LOGIN ENCRYPTED PASSWORD '{quoted}'",
            *(f"CREATE DATABASE {name} ENCODING 'UTF8' OWNER rupost TEMPLATE template0"
              for name in (settings.name, settings.data_name, settings.logs_name)),
        ]  # fmt: skip
        for statement in statements:
            as_postgres(POSTGRES / "psql", "-qX", "-h", home, "-p", str(port), "-d", "postgres", "-c", statement)
        yield settings
    finally:
        if (data / "postmaster.pid").exists():
            as_postgres(POSTGRES / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(postgres: DatabaseSettings) -> DatabaseSettings:
    """The same server with RuPost's structure in it."""
    database = Database(postgres)
    migrate(database)
    database.close()
    return postgres


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture(scope="session")
def wrapped_key(keyring: Keyring, postgres: DatabaseSettings) -> object:
    """The key as it lies in the database; wrapping takes 0.1 s, so it is done once."""
    return keyring.wrap(postgres.password)


@pytest.fixture
def settings(migrated: DatabaseSettings, wrapped_key) -> Settings:  # type: ignore[no-untyped-def]
    """A node's settings; every table is empty but for the cluster's key."""
    arguments = {"host": "127.0.0.1", "port": migrated.hosts[0][1], "user": "rupost", "password": PASSWORD}
    with closing(psycopg2.connect(dbname=migrated.name, **arguments)) as connection, connection:
        cursor = connection.cursor()
        cursor.execute("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall() if name != "alembic_version"]
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    database = Database(migrated)
    with database.transaction() as work:
        access_store.save_first_key(work, wrapped_key)
    database.close()
    return Settings(migrated, "node1", "127.0.0.1")


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    """An administrator at the command line."""
    with Core(settings, Actor("admin", Role.ADMINISTRATOR, "cli")) as opened:
        yield opened
