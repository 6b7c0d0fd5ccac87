"""Connecting to PostgreSQL, and the driver's connection errors turned into RuPost's own.

libpq gives no SQLSTATE for a refused connection, only the server's text in the server's language (`lc_messages`),
so the texts are told apart by the phrases of PostgreSQL's English and Russian catalogues.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rupost_core.errors import DatabaseCredentials, DatabaseError, DatabaseRights, DatabaseUnreachable
from rupost_core.i18n import translate as _
from rupost_core.settings import DatabaseSettings, join_host

if TYPE_CHECKING:
    from psycopg2.extensions import connection as PsycopgConnection

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MS = 60_000

_BAD_LOGIN = re.compile(
    r"authentication failed|не прошёл проверку подлинности|не прошел проверку подлинности|no password supplied"
    r'|role ".*" does not exist|роль ".*" не существует',
    re.IGNORECASE,
)
_NO_DATABASE = re.compile(r'database ".*" does not exist|база данных ".*" не существует', re.IGNORECASE)
_NOT_ALLOWED = re.compile(
    r"no pg_hba\.conf entry|pg_hba\.conf rejects|permission denied for database"
    r"|pg_hba\.conf отвергает|нет записи для|нет доступа к базе",
    re.IGNORECASE,
)
_READ_ONLY = re.compile(
    r"session is read-only|server is in hot standby mode|сеанс не допускает запись", re.IGNORECASE
)


def connection_arguments(settings: DatabaseSettings, database: str) -> dict[str, Any]:
    """Keyword arguments for psycopg2.connect. With several hosts the first that accepts writes is taken."""
    arguments: dict[str, Any] = {
        "host": ",".join(host for host, _port in settings.hosts),
        "port": ",".join(str(port) for _host, port in settings.hosts),
        "dbname": database,
        "user": settings.user,
        "password": settings.password.reveal(),
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "application_name": "rupost",
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout=15000",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    if len(settings.hosts) > 1:
        arguments["target_session_attrs"] = "read-write"
    return arguments


def connect(settings: DatabaseSettings, database: str) -> PsycopgConnection:
    """A connection; raises an error of the DatabaseError family that says what to do."""
    import psycopg2

    try:
        connection: PsycopgConnection = psycopg2.connect(**connection_arguments(settings, database))
        return connection
    except psycopg2.OperationalError as error:
        raise translate_refusal(str(error), settings, database) from error


def translate_refusal(text: str, settings: DatabaseSettings, database: str) -> DatabaseError:
    """The typed error for what libpq said when it could not connect."""
    where = ", ".join(join_host(*host) for host in settings.hosts)
    said = " ".join(text.split())
    if _NO_DATABASE.search(said):
        return DatabaseRights(
            _("The database “{database}” does not exist on {where}.", database=database, where=where),
            hint=_("Create it (manual 2.5): CREATE DATABASE {database} WITH ENCODING 'UTF8' OWNER {user};",
                   database=database, user=settings.user),
        )  # fmt: skip
    if _BAD_LOGIN.search(said):
        return DatabaseCredentials(
            _("{where} refused the role “{user}”: {said}", where=where, user=settings.user, said=said),
            hint=_("Check --db-user and --db-password (or RUPOST_INSTALLER_DB_PASSWORD)."),
        )
    if _NOT_ALLOWED.search(said):
        return DatabaseRights(
            _("{where} does not let “{user}” in: {said}", where=where, user=settings.user, said=said),
            hint=_("Add this node to pg_hba.conf on the database server and reload PostgreSQL."),
        )
    if _READ_ONLY.search(said):
        return DatabaseUnreachable(
            _("None of {where} accepts writes: {said}", where=where, said=said),
            hint=_("Name the primary server in --db-host, or all servers of the database cluster."),
        )
    return DatabaseUnreachable(
        _("No database server answers at {where}: {said}", where=where, said=said),
        hint=_("Check --db-host and --db-port, that PostgreSQL runs, and the firewall between."),
    )
