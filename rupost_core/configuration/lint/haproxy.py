"""HAProxy: names that must meet, peers, timeouts, and addresses that the node must have.

Source: HAProxy configuration manual 2.6; `haproxy -c` passes most of these, or only warns.
"""

from __future__ import annotations

from collections.abc import Iterator

from rupost_core.components.languages.haproxy import Line, Section
from rupost_core.configuration.lint.listeners import endpoint, is_local
from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import HAPROXY, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_PROXIES = ("frontend", "backend", "listen")
_ACCOUNT = "haproxy"
_ONCE = frozenset({"maxconn", "user", "group", "chroot", "localpeer", "nbthread"})
_PUBLIC = frozenset({25, 80, 443, 465, 993, 4190})
_NUMERIC = frozenset(
    {"maxconn", "maxconnrate", "maxsessrate", "maxsslconn", "retries", "fullconn", "nbthread", "nbproc"}
)
_NEEDED = {"frontend": ("client",), "backend": ("connect", "server"), "listen": ("client", "connect", "server")}


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    sections = system.haproxy
    yield from _backends(sections)
    yield from _tables(sections)
    yield from _peers(sections, facts)
    yield from _timeouts(sections)
    yield from _twice(sections)
    yield from _public_ports(sections)
    for section in sections:
        yield from _numbers(section)
        yield from _account(section)
        for line in section.every("bind"):
            yield from _address(line, facts)


def _wrong(code: str, line: int | None, reason: str) -> Finding:
    return error(code, "haproxy", HAPROXY, line, reason)


def _twice(sections: tuple[Section, ...]) -> Iterator[Finding]:
    """HAProxy goes by the first of two; the second, which somebody has set for a reason, does nothing."""
    seen: set[str] = set()
    for section in sections:
        for line in section.lines if section.kind == "global" else ():
            if line.words[0] in _ONCE and line.words[0] in seen:
                yield _wrong("given_twice", line.line, _("“{name}” is given twice", name=line.words[0]))
            seen.add(line.words[0])


def _public_ports(sections: tuple[Section, ...]) -> Iterator[Finding]:
    """Every port that clients use (manual appendix 2) is bound by a frontend."""
    bound: dict[int, Line] = {}
    for section in sections:
        for line in section.every("bind") if section.kind in ("frontend", "listen") else ():
            where = endpoint(line.words[1]) if len(line.words) > 1 else None
            if where:
                bound[where[1]] = line
    missing = sorted(_PUBLIC - bound.keys())
    # Where one port has come in the place of another, that line is to blame.
    odd = [line for port, line in bound.items() if port not in _PUBLIC and endpoint(line.words[1]) == ("", port)]
    if sections and missing:
        reason = _("nobody listens on the clients' port {port}", port=", ".join(map(str, missing)))
        yield _wrong("public_port", odd[0].line if odd else None, reason)


def _account(section: Section) -> Iterator[Finding]:
    """HAProxy drops root's rights for the account that Debian's package makes; a second one it passes over."""
    for line in [*section.every("user"), *section.every("group")] if section.kind == "global" else ():
        if line.words[1:2] != (_ACCOUNT,):
            reason = _("HAProxy runs as {account}, whose rights its files and sockets have", account=_ACCOUNT)
            yield _wrong("account", line.line, reason)


def _backends(sections: tuple[Section, ...]) -> Iterator[Finding]:
    names = {section.name for section in sections if section.kind in ("backend", "listen")}
    for section in sections:
        for line in [*section.every("default_backend"), *section.every("use_backend")]:
            name = line.words[1] if len(line.words) > 1 else ""
            if name not in names and not name.startswith("%["):
                reason = _("there is no backend “{name}”.", name=name) + nearest(name, names)
                yield _wrong("backend_missing", line.line, reason)
        if section.kind == "frontend" and not section.every("bind"):
            yield _wrong("no_bind", section.line, _("the frontend listens nowhere"))


def _tables(sections: tuple[Section, ...]) -> Iterator[Finding]:
    with_table = {section.name for section in sections if section.every("stick-table") or section.every("table")}
    peers = {section.name for section in sections if section.kind == "peers"}
    for section in sections:
        for line in section.every("stick"):
            table = line.after("table") or section.name
            if line.starts("stick") and line.words[1:2] != ("store-response",) and table not in with_table:
                reason = _("“{name}” has no stick-table.", name=table) + nearest(table, with_table)
                yield _wrong("table_missing", line.line, reason)
        for line in section.every("stick-table"):
            named = line.after("peers")
            if named is not None and named not in peers:
                reason = _("there is no peers section “{name}”.", name=named) + nearest(named, peers)
                yield _wrong("peers_missing", line.line, reason)
            if line.after("type") not in (None, "ip", "ipv6"):
                reason = _("the table must hold addresses of clients: type ip")
                yield _wrong("table_type", line.line, reason)
            if line.after("type") is None or line.after("size") is None:
                yield _wrong("table_missing", line.line, _("a stick-table needs a type and a size"))
            if named is not None and line.after("expire") is None:
                reason = _("a table without “expire” grows full and forgets at random")
                yield warning("table_forever", "haproxy", HAPROXY, line.line, reason)


def _peers(sections: tuple[Section, ...], facts: HostFacts) -> Iterator[Finding]:
    named = [line for s in sections if s.kind == "global" for line in s.every("localpeer") if len(line.words) > 1]
    local = named[-1].words[1] if named else facts.node_name
    for section in sections:
        if section.kind != "peers":
            continue
        lines = [*section.every("peer"), *section.every("server")]
        names = [line.words[1] for line in lines if len(line.words) > 1]
        if local not in names:
            reason = _("no peer is called {name}, as this node is: HAProxy would drop the section", name=local)
            yield _wrong("local_peer", named[-1].line if named else section.line, reason)
        for line in lines:
            where = endpoint(line.words[2]) if len(line.words) > 2 else None
            if len(line.words) < 2 or line.words[1] != local or where is None:
                continue
            if where[0] and where[0] != facts.node_address and not is_local(where[0], facts):
                reason = _("this node's peer must be at its own address, {address}", address=facts.node_address)
                yield _wrong("local_peer", line.line, reason)
        for name in {name for name in names if names.count(name) > 1}:
            line_of = next(line.line for line in reversed(lines) if line.words[1] == name)
            yield _wrong("local_peer", line_of, _("two peers are called {name}", name=name))


def _timeouts(sections: tuple[Section, ...]) -> Iterator[Finding]:
    inherited: set[str] = set()
    for section in sections:
        own = {line.words[1] for line in section.every("timeout") if len(line.words) > 2}
        if section.kind == "defaults":
            inherited = own
        elif section.kind in _PROXIES and (section.kind != "backend" or section.every("server")):
            missing = [name for name in _NEEDED[section.kind] if name not in own | inherited]
            if missing:
                reason = _("without “timeout {names}” dead connections stay for ever", names=", ".join(missing))
                yield _wrong("timeout_missing", section.line, reason)


def _numbers(section: Section) -> Iterator[Finding]:
    """HAProxy takes a word for the number 0, which for some settings means “as you like”."""
    for line in section.lines:
        if line.words[0] in _NUMERIC and not (len(line.words) > 1 and line.words[1].isdigit()):
            given = line.words[1] if len(line.words) > 1 else ""
            yield _wrong("haproxy_number", line.line, _("“{raw}” is not a whole number", raw=given))


def _address(line: Line, facts: HostFacts) -> Iterator[Finding]:
    if not facts.addresses or len(line.words) < 2 or "transparent" in line.words:
        return
    for text in line.words[1].split(","):
        where = endpoint(text)
        if where and where[0] and ":" not in where[0] and not is_local(where[0], facts):
            reason = _("this node does not have the address {address}", address=where[0])
            yield _wrong("foreign_address", line.line, reason)
