"""The command line of manual 2.11.1. argparse takes the words apart; what is wrong with them is said in our words."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rupost_core.errors import InputError
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

PASSWORD_VARIABLE = "RUPOST_INSTALLER_DB_PASSWORD"  # noqa: S105 - the variable's name, not a password
_SEE_HELP = "rupost-wizard --help"
# Word processors and PDF viewers turn -- into a dash, also in the manual's own text (2.13).
_DASHES = str.maketrans({"–": "--", "—": "--", "−": "-", "‑": "-"})


@dataclass(frozen=True)
class Arguments:
    """What was asked for; an empty text or None means that it was not said."""

    silent: bool
    as_json: bool
    services: bool
    db_host: str
    db_port: str
    db_name: str
    data_db_name: str
    logs_db_name: str
    db_user: str
    password: Secret | None
    password_on_command_line: bool
    node_name: str
    node_address: str


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(message, hint=_("See {command}.", command=_SEE_HELP))


def parse(words: Sequence[str], environment: Mapping[str, str]) -> Arguments:
    """Raises InputError. The password flag wins over the environment variable; an empty password is none."""
    parser = _parser()
    try:
        found, unknown = parser.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise InputError(
            _("{flag} needs a value.", flag=(error.argument_name or "").split("/")[0]),
            hint=_("A value that begins with a dash is written as --db-password=VALUE. See {command}.",
                   command=_SEE_HELP),
        ) from error  # fmt: skip
    if unknown:
        raise _unknown(unknown[0], [flag for action in parser._actions for flag in action.option_strings])
    values = {name: value for name, value in vars(found).items() if isinstance(value, str)}
    for name, value in values.items():
        _refuse_odd_bytes(name, value)
    password = found.db_password or environment.get(PASSWORD_VARIABLE, "")
    _refuse_odd_bytes("db_password", password)
    return Arguments(
        silent=found.silent,
        as_json=found.json,
        services=not found.no_services,
        db_host=found.db_host,
        db_port=found.db_port,
        db_name=found.db_name,
        data_db_name=found.data_db_name,
        logs_db_name=found.logs_db_name,
        db_user=found.db_user,
        password=Secret(password) if password else None,
        password_on_command_line=bool(found.db_password),
        node_name=found.node_name,
        node_address=found.node_address,
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="rupost-wizard", add_help=False, allow_abbrev=False, exit_on_error=False)
    for flags in (("--silent", "-s"), ("--json",), ("--no-services",)):
        parser.add_argument(*flags, action="store_true")
    for flags in (
        ("--db-host", "-h"),
        ("--db-port", "-p"),
        ("--db-name", "-n"),
        ("--data-db-name", "-d"),
        ("--logs-db-name", "-l"),
        ("--db-user", "-u"),
        ("--db-password",),
        ("--node-name",),
        ("--node-address",),
    ):
        parser.add_argument(*flags, default="")
    return parser


def _unknown(word: str, flags: list[str]) -> InputError:
    flag = word.split("=")[0].translate(_DASHES)
    flag = "--" + flag.lstrip("-") if flag.startswith("--") else flag
    near = difflib.get_close_matches(flag, [*flags, "--help"], 1)
    # Only a flag is repeated: a stray word may be a piece of a password.
    shown = word.split("=")[0] if word.startswith(("-", "–", "—")) else _("a word without a flag")
    meant = _("Did you mean {near}?", near=near[0]) if near else _("See {command}.", command=_SEE_HELP)
    return InputError(_("Unknown argument: {word}", word=shown), hint=meant)


def _refuse_odd_bytes(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            _("The value of {flag} is not valid UTF-8.", flag="--" + name.replace("_", "-")),
            hint=_("Use a UTF-8 terminal: export LANG=C.UTF-8"),
        ) from error
