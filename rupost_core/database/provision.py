"""Whether a PostgreSQL server will do, and making the role and the databases on a local one (manual 2.5, 2.11).

A server elsewhere must have the role already; missing databases are made there too when the role has CREATEDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from psycopg2 import ProgrammingError, errors
from psycopg2.extensions import connection as PsycopgConnection
from psycopg2.sql import SQL, Identifier, Literal

from rupost_core.database.connect import connect
from rupost_core.errors import (
    CommandFailed,
    DatabaseCredentials,
    DatabaseRights,
    DatabaseTooOld,
    DatabaseUnreachable,
)
from rupost_core.host.commands import run
from rupost_core.i18n import translate as _
from rupost_core.settings import DatabaseSettings

MINIMUM_VERSION = 90600
_MAINTENANCE_DATABASE = "postgres"


@dataclass(frozen=True)
class Provisioned:
    """What there is and what had to be made. `version` is the server's own text, e.g. `15.20`."""

    version: str
    role_created: bool
    databases_created: tuple[str, ...]


def provision(settings: DatabaseSettings) -> Provisioned:
    """Makes sure that the role can log in and that the three databases exist; raises DatabaseError's family."""
    role_created = False
    try:
        connection = connect(settings, _MAINTENANCE_DATABASE)
    except DatabaseCredentials:
        if not _is_local(settings) or _local_role_exists(settings.user):
            raise
        _create_local_role(settings)
        role_created = True
        connection = connect(settings, _MAINTENANCE_DATABASE)
    try:
        version = _check_version(connection)
        created = _create_databases(connection, settings)
    finally:
        connection.close()
    return Provisioned(version, role_created, created)


def _check_version(connection: PsycopgConnection) -> str:
    version = str(connection.get_parameter_status("server_version") or "")
    if connection.server_version < MINIMUM_VERSION:
        raise DatabaseTooOld(
            _("The server is PostgreSQL {version}.", version=version),
            hint=_("RuPost needs PostgreSQL 9.6 or newer, 13 or newer is recommended (manual 2.5)."),
        )
    return version


def _create_databases(connection: PsycopgConnection, settings: DatabaseSettings) -> tuple[str, ...]:
    wanted = (settings.name, settings.data_name, settings.logs_name)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname = ANY(%s)", (list(wanted),))
        present = {name for (name,) in cursor.fetchall()}
        missing = tuple(name for name in wanted if name not in present)
        for name in missing:
            try:
                cursor.execute(
                    SQL("CREATE DATABASE {} WITH ENCODING 'UTF8' TEMPLATE template0").format(Identifier(name))
                )
            except errors.DuplicateDatabase:
                continue  # another node's wizard was quicker
            except ProgrammingError as error:
                raise DatabaseRights(
                    _("The role “{user}” may not create the database “{name}”: {said}",
                      user=settings.user, name=name, said=str(error).strip()),
                    hint=_("Create it as an administrator: CREATE DATABASE {name} WITH ENCODING 'UTF8' "
                           "OWNER {user}; or give the role the right: ALTER ROLE {user} CREATEDB;",
                           name=name, user=settings.user),
                ) from error  # fmt: skip
    return missing


def _is_local(settings: DatabaseSettings) -> bool:
    host = settings.hosts[0][0]
    if host.startswith("/") or host in ("", "localhost"):
        return len(settings.hosts) == 1
    try:
        return len(settings.hosts) == 1 and ip_address(host).is_loopback
    except ValueError:
        return False


def _local_role_exists(user: str) -> bool:
    query = SQL("SELECT 1 FROM pg_roles WHERE rolname = {}").format(Literal(user))
    return _as_superuser(query.as_string(None)) == "1"


def _create_local_role(settings: DatabaseSettings) -> None:
    statement = SQL(
        "CREATE ROLE {} WITH NOSUPERUSER CREATEDB NOCREATEROLE LOGIN ENCRYPTED PASSWORD {}"
    ).format(Identifier(settings.user), Literal(settings.password.reveal()))
    _as_superuser(statement.as_string(None))


def _as_superuser(statement: str) -> str:
    """Runs SQL as the local `postgres` user by peer login; the statement goes by standard input, not by argv."""
    try:
        done = run(
            ["runuser", "-u", "postgres", "--", "psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres"],
            timeout=20,
            stdin=statement,
        )
    except CommandFailed as error:
        raise DatabaseUnreachable(
            _("The local PostgreSQL could not be asked as its superuser: {said}", said=error.message),
            hint=_("Start it (systemctl start postgresql) and run this command as root."),
        ) from error
    return done.stdout.strip()
