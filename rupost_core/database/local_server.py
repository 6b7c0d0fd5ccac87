"""Making the role on this machine's own PostgreSQL (manual 2.11), as its superuser, by peer login on the socket."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import PurePath

from rupost_core.errors import CommandFailed, DatabaseUnreachable
from rupost_core.host.commands import run
from rupost_core.i18n import translate as _
from rupost_core.settings import DatabaseSettings

_SUPERUSER = "postgres"
_TIMEOUT_SECONDS = 20.0
# The password must not stay in the server's log, whatever the server logs otherwise.
_QUIET = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';\n"


def is_local(settings: DatabaseSettings) -> bool:
    """Whether the only host is a socket directory, `localhost` or a loopback address."""
    if len(settings.hosts) != 1:
        return False
    host = settings.hosts[0][0]
    if host.startswith("/") or host in ("", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def role_exists(settings: DatabaseSettings) -> bool:
    query = f"SELECT 1 FROM pg_roles WHERE rolname = {literal(settings.user)};"  # noqa: S608 - quoted by literal
    return _as_superuser(settings, query) == "1"


def create_role(settings: DatabaseSettings) -> None:
    """The role of manual 2.5, with the password that the wizard was given."""
    _as_superuser(
        settings,
        f"{_QUIET}CREATE ROLE {identifier(settings.user)} WITH NOSUPERUSER CREATEDB NOCREATEROLE LOGIN "
        f"ENCRYPTED PASSWORD {literal(settings.password.reveal())};",
    )


def literal(text: str) -> str:
    """An SQL string constant, right whatever standard_conforming_strings says.

    psycopg2's Literal needs a connection to know the encoding; here psql has the only one.
    """
    doubled = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{doubled}'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_superuser(settings: DatabaseSettings, statement: str) -> str:
    """Runs SQL by psql; the statement goes by standard input, so that no process list shows it."""
    host, port = settings.hosts[0]
    socket = ["-h", host] if PurePath(host).is_absolute() else []
    quiet = ["-qXAt", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"]
    psql = ["psql", *quiet, *socket, "-p", str(port), "-d", "postgres"]
    try:
        done = run(
            ["runuser", "-u", _SUPERUSER, "--", *psql],
            timeout=_TIMEOUT_SECONDS,
            stdin=statement,
            environment={"PGCLIENTENCODING": "UTF8"},
        )
    except CommandFailed as error:
        raise DatabaseUnreachable(
            _("The local PostgreSQL could not be asked as its superuser: {said}", said=error.message),
            hint=_("Start it (systemctl start postgresql) and run this command as root."),
        ) from error
    return done.stdout.strip()
