"""`rupost-wizard --help`: the manual's flags (2.11.1), ours, and the exit codes of rupost_core/errors.py."""

from __future__ import annotations

from collections.abc import Iterator

from rupost_core import errors
from rupost_core.errors import RupostError
from rupost_core.i18n import translate as _

EXAMPLE = (
    "rupost-wizard --silent --db-host 127.0.0.1 --db-port 5432 --db-user rupost --db-password PASSWORD "
    "--db-name rupost --data-db-name rupost_data --logs-db-name rupost_logs"
)
# The errors that a set-up can end with, by their exit codes.
_ERRORS: tuple[type[RupostError], ...] = (
    errors.InputError,
    errors.AccessDenied,
    errors.DatabaseError,
    errors.DatabaseUnreachable,
    errors.DatabaseCredentials,
    errors.DatabaseTooOld,
    errors.DatabaseRights,
    errors.DatabaseSchema,
    errors.NotConfigured,
    errors.SealBroken,
    errors.CertificateError,
    errors.CommandFailed,
)


def text() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _("Usage: rupost-wizard [--silent [ARGUMENTS]]")
    yield ""
    yield _("Sets RuPost up on this node, also after an upgrade. It can be run again at any time.")
    yield _("The interactive configurator comes with a later version: use --silent.")
    yield ""
    yield from _table(
        [
            ("--help", _("show this text and exit")),
            ("-s, --silent", _("set up without questions")),
        ]
    )
    yield ""
    yield _("Arguments of --silent; what is not said stays as in config.json, or else is as in brackets:")
    yield from _table(
        [
            ("-h, --db-host HOST", _("database server [127.0.0.1]; several, each with its :port, by commas")),
            ("-p, --db-port PORT", _("its port [5432]")),
            ("-n, --db-name NAME", _("RuPost's database [rupost]")),
            ("-d, --data-db-name NAME", _("database of user data [rupost_data]")),
            ("-l, --logs-db-name NAME", _("database of logs [rupost_logs]")),
            ("-u, --db-user USERNAME", _("role to log in with [rupost]")),
            ("--db-password PASSWORD", _("its password, or in the variable RUPOST_INSTALLER_DB_PASSWORD")),
            ("--node-name NAME", _("this node's name [the short host name]")),
            ("--node-address ADDRESS", _("IP address that other machines reach it by [found out]")),
            ("--no-services", _("leave systemd alone (containers, tests)")),
            ("--json", _("the result as one JSON document on standard output")),
        ]
    )
    yield ""
    yield _("Example:")
    yield f"  {EXAMPLE}"
    yield ""
    yield _("Exit codes:")
    yield from _table([("0", _("set up")), *((str(kind.exit_code), str(kind.title)) for kind in _ERRORS)])


def _table(rows: list[tuple[str, str]]) -> Iterator[str]:
    width = max(len(left) for left, _right in rows)
    return (f"  {left:<{width}}  {right}" for left, right in rows)
