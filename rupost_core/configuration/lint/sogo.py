"""SOGo: it starts with an empty file and ignores keys that it does not know, so both are looked for here.

Sources: SOGo Installation and Configuration Guide 5; the names in SOGo 5.8's libraries (sogo_keys.txt).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from rupost_core.components.languages.plist import Node
from rupost_core.configuration.lint.listeners import Listener, endpoint
from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import SOGO, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_DATA = Path(__file__).with_name("sogo_keys.txt")
_REQUIRED = ("SOGoProfileURL", "OCSFolderInfoURL", "OCSSessionsFolderURL", "SOGoUserSources")
# Its own defaults are the public ports, where a PROXY line is expected; by what makes SOGo go there.
_SERVERS = {"SOGoSieveServer": ("SOGoSieveScriptsEnabled", "SOGoVacationEnabled", "SOGoForwardEnabled")}
_REQUIRED_OF_SOURCE = ("type", "id")
_REQUIRED_OF_LDAP = ("CNFieldName", "IDFieldName", "UIDFieldName", "baseDN", "hostname")
_ALIKE = 0.75


def findings(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    if system.sogo is None:
        return
    if not isinstance(system.sogo.data, dict) or not system.sogo.data:
        yield _wrong("sogo_empty", 1, _("the file holds no settings"))
        return
    data = system.sogo.data
    for key in _REQUIRED:
        if key not in data:
            yield _wrong("sogo_missing_key", None, _("“{key}” is missing", key=key))
    for key, needed_for in _SERVERS.items():
        if key not in data and any(system.sogo.text(one) == "YES" for one in needed_for):
            yield _wrong("sogo_missing_key", None, _("“{key}” is missing", key=key))
    yield from _unknown(system.sogo, keys()["top"])
    yield from _sources(data.get("SOGoUserSources"))
    yield from _urls(data)
    yield from _port(system)


@lru_cache(maxsize=1)
def keys() -> dict[str, frozenset[str]]:
    """Known keys by where they stand: `top` of the file, or in a user `source`."""
    found: dict[str, frozenset[str]] = {}
    for line in _DATA.read_text(encoding="ascii").splitlines():
        kind, colon, names = line.partition(": ")
        if colon and not line.startswith("#"):
            found[kind] = found.get(kind, frozenset()) | frozenset(names.split())
    return found


def _wrong(code: str, line: int | None, reason: str) -> Finding:
    return error(code, "sogo", SOGO, line, reason)


def _unknown(node: Node, known: frozenset[str]) -> Iterator[Finding]:
    for key in node.data if isinstance(node.data, dict) else ():
        if key in known:
            continue
        # Something close to a known name is a slip; what is far from all may be of a newer SOGo.
        near = difflib.get_close_matches(key, known, 1, _ALIKE)
        reason = _("SOGo does not know “{key}”.", key=key)
        if near:
            yield _wrong("unknown_key", node.line_of(key), reason + nearest(key, near))
        else:
            yield warning("unknown_key", "sogo", SOGO, node.line_of(key), reason)


def _sources(node: Node | None) -> Iterator[Finding]:
    if node is None:
        return
    sources = node.data if isinstance(node.data, list) else []
    if not sources:
        yield warning("sogo_no_source", "sogo", SOGO, node.line, _("no directory is connected: nobody can sign in"))
    seen: set[str] = set()
    for source in sources:
        data = source.data if isinstance(source.data, dict) else {}
        wanted = _REQUIRED_OF_SOURCE + (_REQUIRED_OF_LDAP if source.text("type") == "ldap" else ())
        for key in wanted:
            if key not in data:
                yield _wrong("sogo_missing_key", source.line, _("“{key}” is missing", key=key))
        if source.text("id") in seen:
            yield _wrong(
                "sogo_source_twice", source.line_of("id"), _("two sources are called {name}", name=source.text("id"))
            )
        seen.add(source.text("id"))
        yield from _unknown(source, keys()["source"])


def _urls(data: dict[str, Node]) -> Iterator[Finding]:
    for key, node in data.items():
        if key.endswith("URL") and (key.startswith("OCS") or key == "SOGoProfileURL"):
            text = node.data if isinstance(node.data, str) else ""
            if not text.startswith(("postgresql://", "mysql://", "oracle://", "pgsql://")) or text.count("/") < 4:
                reason = _("{key} is not the address of a table", key=key)
                yield _wrong("sogo_url", node.line, reason)


def _port(system: System) -> Iterator[Finding]:
    """Whoever asks SOGo through nginx must find it: an upstream called sogo ends at WOPort."""
    node = system.sogo
    where = endpoint(node.text("WOPort") or "127.0.0.1:20000") if node else None
    if node is None or where is None:
        yield _wrong("sogo_url", node.line_of("WOPort") if node else None, _("WOPort is not host:port"))
        return
    for context in system.nginx.every("http"):
        for upstream in context.every("upstream"):
            ends = [endpoint(server.value) for server in upstream.every("server")] if upstream.value == "sogo" else []
            if ends and where not in ends and ("127.0.0.1", where[1]) not in ends:
                reason = _(
                    "nginx looks for SOGo elsewhere ({file}, line {line})", file=upstream.file, line=upstream.line
                )
                yield _wrong("sogo_target", node.line_of("WOPort"), reason)
