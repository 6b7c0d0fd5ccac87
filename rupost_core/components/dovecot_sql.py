"""Dovecot's queries are put to PostgreSQL once: a misspelt column is not to be found out by who signs in first."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

from rupost_core.components.model import Problem, StagedView

if TYPE_CHECKING:
    from psycopg2.extensions import connection as PsycopgConnection

_SETTING = re.compile(r"^(?P<name>connect|driver|\w+_query)\s*=\s*(?P<value>.*?)\s*$")
_CONNECT_SECONDS = 3
_TIMEOUT_MS = 3000
# Dovecot's variables: %u, %Lu, %{user}, %n, %d; a doubled one is a percent sign.
_VARIABLE = re.compile(r"%%|%\{[^}]*\}|%[A-Z]*[a-z]")


def query_problems(view: StagedView, file: str) -> list[Problem]:
    """What PostgreSQL says of each query of the file, about an address that cannot exist; nothing is changed."""
    import psycopg2

    settings: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(view.text(file).split("\n"), 1):
        match = _SETTING.match(line)
        if match:
            settings[match["name"]] = (number, _unquoted(match["value"]))
    if settings.get("driver", (0, ""))[1] != "pgsql" or "connect" not in settings:
        return []
    connect_line, access = settings["connect"]
    problems: list[Problem] = []
    try:
        with closing(psycopg2.connect(access, connect_timeout=_CONNECT_SECONDS)) as connection:
            connection.set_session(readonly=True, autocommit=True)
            for name, (place, query) in settings.items():
                reason = _refusal(connection, query) if name.endswith("_query") and name != "update_query" else ""
                if reason:
                    problems.append(Problem("dovecot", file, place, f"{name}: {reason}"))
    except psycopg2.Error as error:
        problems.append(Problem("dovecot", file, connect_line, _first_line(error)))
    return problems


def _refusal(connection: PsycopgConnection, query: str) -> str:
    import psycopg2

    asked = _VARIABLE.sub(lambda match: "%" if match[0] == "%%" else "check@invalid", query)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {_TIMEOUT_MS}")
            cursor.execute(f"EXPLAIN {asked}")
    except psycopg2.Error as error:
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value
