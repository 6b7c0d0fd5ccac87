"""Whether a PostgreSQL server will do, and making the role and the databases on a local one (manual 2.5, 2.11).

A server elsewhere must have the role already; missing databases are made there too when the role has CREATEDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg2 import ProgrammingError, errors
from psycopg2.extensions import connection as PsycopgConnection
from psycopg2.sql import SQL, Identifier

from rupost_core.database.connect import connect
from rupost_core.database.local_server import create_role, is_local, role_exists
from rupost_core.errors import (
    DatabaseCredentials,
    DatabaseRights,
    DatabaseSchema,
    DatabaseTooOld,
    DatabaseUnreachable,
)
from rupost_core.i18n import translate as _
from rupost_core.settings import DatabaseSettings, join_host

MINIMUM_VERSION = 90600
_MAINTENANCE_DATABASE = "postgres"


@dataclass(frozen=True)
class Provisioned:
    """What there is and what had to be made. `version` is the server's own text, e.g. `15.20`."""

    version: str
    role_created: bool
    databases_created: tuple[str, ...]


def provision(settings: DatabaseSettings) -> Provisioned:
    """Makes sure that the role can log in and that the three databases are there and writable for it.

    Raises the DatabaseError family: unreachable, credentials, too old, rights, schema (an encoding other than UTF8).
    Nothing is made on a server that is too old or read-only.
    """
    role_created = False
    try:
        connection = _connect_anywhere(settings)
    except DatabaseCredentials as refusal:
        if not _may_be_made(settings, refusal):
            raise
        create_role(settings)
        role_created = True
        connection = _connect_anywhere(settings)
    try:
        version = _check_server(connection, settings)
        created = _create_databases(connection, settings)
    finally:
        connection.close()
    _check_databases(settings)
    return Provisioned(version, role_created, created)


def _may_be_made(settings: DatabaseSettings, refusal: DatabaseCredentials) -> bool:
    """Whether the role is missing on this machine's own server; an existing one's password is never changed."""
    if not is_local(settings):
        return False
    try:
        return not role_exists(settings)
    except DatabaseUnreachable as error:
        refusal.details.append(error.message)
        return False


def _connect_anywhere(settings: DatabaseSettings) -> PsycopgConnection:
    """To `postgres`; where it is missing, or pg_hba.conf keeps the role out of it, to the main database."""
    try:
        return connect(settings, _MAINTENANCE_DATABASE)
    except DatabaseRights:
        return connect(settings, settings.name)


def _check_server(connection: PsycopgConnection, settings: DatabaseSettings) -> str:
    # "15.20 (Debian 15.20-0+deb12u1)": the builder's part says nothing to an administrator.
    version = str(connection.get_parameter_status("server_version") or "").partition(" ")[0]
    if connection.server_version < MINIMUM_VERSION:
        raise DatabaseTooOld(
            _("The server is PostgreSQL {version}.", version=version),
            hint=_("RuPost needs PostgreSQL 9.6 or newer, 13 or newer is recommended (manual 2.5)."),
        )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        (standby,) = cursor.fetchone() or (False,)
    if standby:
        where = ", ".join(join_host(*host) for host in settings.hosts)
        raise DatabaseUnreachable(
            _("{where} is a standby server: it accepts no writes.", where=where),
            hint=_("Name the primary server in --db-host, or all servers of the database cluster."),
        )
    return version


def _create_databases(connection: PsycopgConnection, settings: DatabaseSettings) -> tuple[str, ...]:
    wanted = (settings.name, settings.data_name, settings.logs_name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname = ANY(%s)", (list(wanted),))
        present = {name for (name,) in cursor.fetchall()}
        missing = tuple(name for name in wanted if name not in present)
        for name in missing:
            try:
                cursor.execute(
                    SQL("CREATE DATABASE {} WITH ENCODING 'UTF8' TEMPLATE template0").format(Identifier(name))
                )
            except (errors.DuplicateDatabase, errors.UniqueViolation):
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


def _check_databases(settings: DatabaseSettings) -> None:
    """The role must be able to create tables in each of the three, and schemas in the main one."""
    for name in (settings.name, settings.data_name, settings.logs_name):
        with _cursor(settings, name) as cursor:
            cursor.execute(
                "SELECT pg_encoding_to_char(encoding),"
                " coalesce(has_schema_privilege(current_user, to_regnamespace('public'), 'CREATE'), false),"
                " has_database_privilege(current_user, current_database(), 'CREATE')"
                " FROM pg_database WHERE datname = current_database()"
            )
            encoding, may_create_tables, may_create_schemas = cursor.fetchone()
        if encoding != "UTF8":
            raise DatabaseSchema(
                _("The database “{name}” has the encoding {encoding}.", name=name, encoding=encoding),
                hint=_("Create it anew: CREATE DATABASE {name} WITH ENCODING 'UTF8' OWNER {user};",
                       name=name, user=settings.user),
            )  # fmt: skip
        if not may_create_tables or (name == settings.name and not may_create_schemas):
            raise DatabaseRights(
                _("The role “{user}” may not create tables in the database “{name}”.", user=settings.user, name=name),
                hint=_("Make the role its owner: ALTER DATABASE {name} OWNER TO {user}; and, in that database: "
                       "ALTER SCHEMA public OWNER TO {user};", name=name, user=settings.user),
            )  # fmt: skip


@contextmanager
def _cursor(settings: DatabaseSettings, database: str) -> Iterator:  # type: ignore[type-arg]
    connection = connect(settings, database)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
