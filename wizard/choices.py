"""From what was asked for to a node's settings: defaults, and what cannot be right as it stands. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address

from rupost_core.errors import InputError
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret
from rupost_core.settings import DEFAULT_PORT, DatabaseSettings, Settings, split_host
from wizard.arguments import PASSWORD_VARIABLE, Arguments

LOOPBACK = "127.0.0.1"
DEFAULT_HOST = LOOPBACK
DEFAULT_USER = "rupost"
_NAME_BYTES = 63  # PostgreSQL's NAMEDATALEN - 1: it would cut a longer name silently
_NODE_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def database(arguments: Arguments, former: DatabaseSettings | None) -> DatabaseSettings:
    """What is not said stays as in the former config.json, else as in the manual's example. Raises InputError."""
    password = arguments.password or (former.password if former else None)
    if password is None:
        raise InputError(
            _("No database password was given."),
            hint=_("Give it in the variable {variable}, or with --db-password.", variable=PASSWORD_VARIABLE),
        )
    names = [
        arguments.db_name or (former.name if former else "rupost"),
        arguments.data_db_name or (former.data_name if former else "rupost_data"),
        arguments.logs_db_name or (former.logs_name if former else "rupost_logs"),
    ]
    user = arguments.db_user or (former.user if former else DEFAULT_USER)
    for flag, name in zip(
        ("--db-name", "--data-db-name", "--logs-db-name", "--db-user"), [*names, user], strict=True
    ):
        if len(name.encode()) > _NAME_BYTES or not name.isprintable():
            raise InputError(
                _("“{name}” cannot be the value of {flag}.", name=name, flag=flag),
                hint=_("PostgreSQL's names have at most 63 bytes and no control characters."),
            )
    if len(set(names)) < len(names):
        raise InputError(
            _("The three databases must have three different names."),
            hint=_("Check --db-name, --data-db-name and --logs-db-name."),
        )
    return DatabaseSettings(_hosts(arguments, former), user, password, *names)


def node(arguments: Arguments, former: Settings | None, short_name: str, address: str) -> tuple[str, str]:
    """(name, address) of this node. `address` is the one that the machine suggests, empty when it has none."""
    name = arguments.node_name or (former.node_name if former else short_name)
    if not _NODE_NAME.fullmatch(name):
        raise InputError(
            _("“{name}” cannot be a node's name.", name=name),
            hint=_("Use Latin letters, digits, dashes and dots, or name it with --node-name."),
        )
    kept = former.node_address if former and former.node_address != LOOPBACK else ""
    chosen = arguments.node_address or kept or address or LOOPBACK
    try:
        parsed = ip_address(chosen)
    except ValueError as error:
        raise InputError(
            _("“{address}” is not an IP address.", address=chosen), hint=_("Correct --node-address.")
        ) from error
    if parsed.is_unspecified or parsed.is_multicast or (parsed.is_loopback and address):
        raise InputError(
            _("Other machines cannot reach this node at {address}.", address=chosen),
            hint=_("Give --node-address the address that they reach it by, for example {address}.",
                   address=address or "192.0.2.10"),
        )  # fmt: skip
    return name, str(parsed)


def settings(database_settings: DatabaseSettings, named: tuple[str, str]) -> Settings:
    return Settings(database_settings, *named)


def former_password(former: Settings | None, chosen: DatabaseSettings) -> Secret | None:
    """The password that config.json has, when it is not the one that was given now."""
    if former is None or former.database.password == chosen.password:
        return None
    return former.database.password


def _hosts(arguments: Arguments, former: DatabaseSettings | None) -> tuple[tuple[str, int], ...]:
    if not arguments.db_host and not arguments.db_port and former:
        return former.hosts
    port = _port(arguments.db_port) if arguments.db_port else DEFAULT_PORT
    if not arguments.db_host and former:
        return tuple((host, port) for host, _port in former.hosts)
    words = [word.strip() for word in (arguments.db_host or DEFAULT_HOST).split(",")]
    return tuple(_host(word, port) for word in words)


def _host(word: str, port: int) -> tuple[str, int]:
    try:
        host, own_port = split_host(word, port)
    except ValueError as error:
        raise _no_host(word) from error
    if not host or any(character.isspace() for character in host) or not 0 < own_port < 65536:
        raise _no_host(word)
    return host, own_port


def _no_host(word: str) -> InputError:
    return InputError(
        _("“{word}” is not a database host.", word=word),
        hint=_("Write a name or an address, with or without a port: db1, db1:5433, [2001:db8::1]:5432. "
               "Several are separated by commas."),
    )  # fmt: skip


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise InputError(
            _("“{port}” is not a TCP port.", port=text), hint=_("A port is a number from 1 to 65535, usually 5432.")
        )
    return int(text)
