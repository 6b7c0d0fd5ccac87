"""A PostgreSQL of the wizard's own tests: private, on a free port of 127.0.0.1, its socket where Debian has it.

So the wizard's `runuser -u postgres -- psql -p PORT` reaches this server and no other.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

ROOT = Path(__file__).parents[2]
BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
SOCKETS = "/var/run/postgresql"
_numbers = itertools.count(1)


@dataclass
class Server:
    port: int
    directory: Path

    def superuser(self, sql: str, database: str = "postgres") -> str:
        words = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-h", SOCKETS, "-p", str(self.port), "-d", database]
        done = subprocess.run(
            ["runuser", "-u", "postgres", "--", *words],
            input=sql,
            capture_output=True,
            text=True,
            env={**os.environ, "PGCLIENTENCODING": "UTF8"},
            cwd="/",
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def connect(self, user: str, password: str, database: str) -> Any:
        return psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=password, dbname=database)

    def dump(self, database: str) -> str:
        words = [str(BIN / "pg_dump"), "-h", SOCKETS, "-p", str(self.port), database]
        done = subprocess.run(
            ["runuser", "-u", "postgres", "--", *words], capture_output=True, text=True, cwd="/", timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        return (self.directory / "log").read_text("utf-8", errors="replace")


@contextmanager
def running_server() -> Iterator[Server]:
    """initdb, start, stop, remove. Takes about 2 s."""
    directory = Path(tempfile.mkdtemp(prefix="rupost-wizard-pg."))
    shutil.chown(directory, "postgres", "postgres")
    data, port = directory / "data", free_port()
    as_postgres = ["runuser", "-u", "postgres", "--"]

    def call(*words: str) -> None:
        done = subprocess.run([*as_postgres, *words], capture_output=True, text=True, cwd="/", timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        call(str(BIN / "initdb"), "-D", str(data), "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=peer",
             "--auth-host=scram-sha-256", "--no-sync")  # fmt: skip
        options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={SOCKETS} -c fsync=off"
        logged = "-c log_statement=all -c log_min_duration_statement=0"
        call(str(BIN / "pg_ctl"), "-D", str(data), "-o", f"{options} {logged}", "-l", str(directory / "log"),
             "-w", "start")  # fmt: skip
        try:
            yield Server(port, directory)
        finally:
            call(str(BIN / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Place:
    """One imagined node: names of its own on the shared server, and a configuration path of its own."""

    server: Server
    config: Path
    password: str = "пароль '\"\\$ % \\' :x; --"
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def user(self) -> str:
        return f"роль \"{self.number}'"

    @property
    def names(self) -> tuple[str, str, str]:
        return f"main{self.number}", f"data-{self.number}", f"Logs {self.number}"

    def flags(self, **changed: str) -> list[str]:
        main, data, logs = self.names
        values = {
            "db-host": "127.0.0.1",
            "db-port": str(self.server.port),
            "db-user": self.user,
            "db-name": main,
            "data-db-name": data,
            "logs-db-name": logs,
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        return ["--silent", "--no-services", *(f"--{name}={value}" for name, value in values.items() if value)]

    def environment(self, password: str | None = None) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("RUPOST", "PG"))},
            "RUPOST_CONFIG": str(self.config),
            "RUPOST_MONITOR_LOG": str(self.config.parent / "monitor.log"),
            "RUPOST_LANGUAGE": "en",
            "RUPOST_INSTALLER_DB_PASSWORD": self.password if password is None else password,
        }

    def run(self, *extra: str, password: str | None = None, **changed: str) -> subprocess.CompletedProcess[str]:
        """`rupost-wizard --silent --no-services …` as its own process; `password` goes by the variable."""
        return subprocess.run(
            [sys.executable, "-m", "wizard", *self.flags(**changed), *extra],
            capture_output=True,
            text=True,
            env=self.environment(password),
            cwd=ROOT,
            timeout=120,
        )

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "wizard", *self.flags()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
            cwd=ROOT,
        )

    def make_role(self, options: str = "CREATEDB LOGIN") -> None:
        quoted = self.password.replace("\\", "\\\\").replace("'", "''")
        unlogged = "SET log_statement = 'none'; SET log_min_duration_statement = -1;"
        self.server.superuser(f"{unlogged} CREATE ROLE {self.quoted_user} WITH {options} PASSWORD E'{quoted}';")

    @property
    def quoted_user(self) -> str:
        return '"' + self.user.replace('"', '""') + '"'

    def rows(self, sql: str, database: str | None = None) -> list[Any]:
        connection = self.server.connect(self.user, self.password, database or self.names[0])
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        finally:
            connection.close()
