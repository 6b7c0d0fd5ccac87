"""What a node must know before it can ask the database: `/etc/rupost/config.json` (manual 2.15), mode 0640.

    {"database": {"hosts": ["127.0.0.1:5432"], "user": "rupost", "password": "…",
                  "name": "rupost", "data_name": "rupost_data", "logs_name": "rupost_logs"},
     "node": {"name": "node1", "address": "10.0.0.1"}}

Several hosts may stand in `hosts` (a Patroni cluster): the first one that accepts writes is used.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rupost_core.errors import NotConfigured
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret
from rupost_core.text import nearest

CONFIG_PATH = Path("/etc/rupost/config.json")
DEFAULT_PORT = 5432
PANEL_PORT = 5000  # manual 2.13


@dataclass(frozen=True)
class DatabaseSettings:
    """How to reach PostgreSQL. `hosts` are (name or address, TCP port) pairs in order of preference."""

    hosts: tuple[tuple[str, int], ...]
    user: str
    password: Secret
    name: str = "rupost"
    data_name: str = "rupost_data"
    logs_name: str = "rupost_logs"


@dataclass(frozen=True)
class Settings:
    """A node's own settings. `node_address` is the IP address that other nodes and clients reach it by."""

    database: DatabaseSettings
    node_name: str
    node_address: str


def config_path() -> Path:
    """RUPOST_CONFIG, for tests and several set-ups on one machine, or the manual's path."""
    return Path(os.environ.get("RUPOST_CONFIG", CONFIG_PATH))


def load(path: Path | None = None) -> Settings:
    """Raises NotConfigured, saying what is wrong and where."""
    path = path or config_path()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotConfigured(
            _("{path} does not exist.", path=path), hint=_("Set this node up: sudo rupost-wizard --silent …")
        ) from error
    except PermissionError as error:
        raise NotConfigured(
            _("{path} cannot be read by this user.", path=path),
            hint=_("Run the command with sudo, or as a member of the group rupost."),
        ) from error
    except OSError as error:
        raise NotConfigured(
            _("{path} cannot be read: {reason}", path=path, reason=error.strerror),
            hint=_("Correct the file, or write it anew with rupost-wizard."),
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise NotConfigured(
            _("{path} is not valid JSON: {reason}", path=path, reason=error),
            hint=_("Correct the file, or write it anew with rupost-wizard."),
        ) from error
    return _parse(data, path)


def dump(settings: Settings) -> str:
    """The text of config.json, the password included."""
    database = settings.database
    return (
        json.dumps(
            {
                "database": {
                    "hosts": [join_host(*host) for host in database.hosts],
                    "user": database.user,
                    "password": database.password.reveal(),
                    "name": database.name,
                    "data_name": database.data_name,
                    "logs_name": database.logs_name,
                },
                "node": {"name": settings.node_name, "address": settings.node_address},
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def split_host(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """`host`, `host:port`, `[v6]:port`, bare IPv6, or `/socket/directory`; raises ValueError."""
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        return host, int(rest[1:]) if rest else default_port
    if text.count(":") == 1:
        host, _colon, port = text.partition(":")
        return host, int(port)
    return text, default_port


def join_host(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parse(data: Any, path: Path) -> Settings:
    database = _section(data, "database", path, {"hosts", "user", "password", "name", "data_name", "logs_name"})
    node = _section(data, "node", path, {"name", "address"})
    hosts = database["hosts"]
    if not isinstance(hosts, list) or not hosts:
        raise _broken(path, "database.hosts", _("must be a list with at least one host"))
    try:
        parsed_hosts = tuple(split_host(str(host)) for host in hosts)
    except ValueError as error:
        raise _broken(path, "database.hosts", str(error)) from error
    return Settings(
        DatabaseSettings(
            parsed_hosts,
            str(database["user"]),
            Secret(str(database["password"])),
            str(database["name"]),
            str(database["data_name"]),
            str(database["logs_name"]),
        ),
        str(node["name"]),
        str(node["address"]),
    )


def _section(data: Any, name: str, path: Path, keys: set[str]) -> dict[str, Any]:
    section = data.get(name) if isinstance(data, dict) else None
    if not isinstance(section, dict):
        raise _broken(path, name, _("this section is missing"))
    for key in section:
        if key not in keys:
            raise _broken(path, f"{name}.{key}", _("unknown key.") + nearest(key, keys))
    missing = keys - section.keys()
    if missing:
        raise _broken(path, f"{name}.{min(missing)}", _("this key is missing"))
    return section


def _broken(path: Path, key: str, reason: str) -> NotConfigured:
    return NotConfigured(f"{path}: {key}: {reason}", hint=_("Correct the file, or write it anew with rupost-wizard."))
