"""The way of a connection from HAProxy through nginx to the daemons: every hop meets a listener, and both sides agree
on the PROXY line (facts: a listener that expects one and gets none closes, and the other way round)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from rupost_core.components.languages.nginx import Directive
from rupost_core.configuration.lint.listeners import Listener, endpoint, is_local, is_loopback
from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import DOVECOT, HAPROXY, System
from rupost_core.i18n import translate as _

_CHECKS = ("smtpchk", "httpchk", "tcp-check")


@dataclass(frozen=True)
class Hop:
    """A connection that one daemon opens to another. `source` is the nginx server that it comes from, if any."""

    component: str
    file: str
    line: int
    host: str
    port: int
    proxy: bool
    tls: bool | None
    source: Directive | None = None


def findings(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    hops = every_hop(system)
    for hop in hops:
        if is_local(hop.host, facts):
            yield from _meeting(hop, listeners)
        elif hop.component == "haproxy" and hop.host not in _nodes(system) and _served_here(hop, listeners):
            reason = _("{address} is none of the nodes, and this node serves that port itself", address=hop.host)
            yield error("chain_broken", hop.component, hop.file, hop.line, reason)
    for listener in listeners:
        if listener.proxy and not any(listener.meets(hop.host, hop.port) for hop in hops):
            reason = _("nobody connects to port {port}, which expects a PROXY line", port=listener.port)
            yield warning("listener_unused", listener.component, listener.file, listener.line, reason)
    yield from _trust(system, listeners)
    for listener in listeners:
        if listener.component == "postfix" and listener.proxy and not is_loopback(listener.host):
            reason = _("whoever reaches port {port} could claim any address in a PROXY line", port=listener.port)
            yield error("proxy_open", "postfix", listener.file, listener.line, reason)


def _nodes(system: System) -> set[str]:
    """The addresses of the cluster's nodes: HAProxy's peers."""
    peers = (line for section in system.haproxy if section.kind == "peers" for line in section.every("peer"))
    return {where[0] for line in peers if len(line.words) > 2 and (where := endpoint(line.words[2]))}


def _served_here(hop: Hop, listeners: list[Listener]) -> bool:
    return any(one.port == hop.port and one.component != "haproxy" for one in listeners)


def every_hop(system: System) -> list[Hop]:
    return [*_of_haproxy(system), *_of_nginx(system)]


def target(hop: Hop, listeners: list[Listener]) -> Listener | None:
    return next((listener for listener in listeners if listener.meets(hop.host, hop.port)), None)


def _meeting(hop: Hop, listeners: list[Listener]) -> Iterator[Finding]:
    meets = target(hop, listeners)
    where = f"{hop.host}:{hop.port}"
    if meets is None:
        reason = _("nothing listens at {address}", address=where)
        yield error("chain_broken", hop.component, hop.file, hop.line, reason)
        return
    if hop.proxy and not meets.proxy:
        reason = _("a PROXY line is sent to {address}, where {component} expects none",
                   address=where, component=meets.component)  # fmt: skip
        yield error("proxy_one_sided", hop.component, hop.file, hop.line, reason)
    if meets.proxy and not hop.proxy:
        reason = _("no PROXY line is sent to {address}, where {component} expects one",
                   address=where, component=meets.component)  # fmt: skip
        yield error("proxy_one_sided", hop.component, hop.file, hop.line, reason)
    if hop.tls is not None and hop.tls != meets.tls:
        reason = (
            _("TLS is expected at {address}, where {component} speaks none", address=where, component=meets.component)
            if hop.tls
            else _("plain text is expected at {address}, where {component} speaks TLS",
                   address=where, component=meets.component)
        )  # fmt: skip
        yield error("tls_one_sided", hop.component, hop.file, hop.line, reason)


def _of_haproxy(system: System) -> Iterator[Hop]:
    for section in system.haproxy:
        if section.kind not in ("backend", "listen"):
            continue
        for line in section.every("server"):
            where = endpoint(line.words[2]) if len(line.words) > 2 else None
            if where is None:
                continue
            options = line.words[3:]
            proxy = any(option.startswith("send-proxy") for option in options)
            # Bytes pass through; only a check of the protocol tells what is thought to be behind.
            asked = any(option.words[1:2] and option.words[1] in _CHECKS for option in section.every("option"))
            tls = bool({"check-ssl", "ssl"} & set(options)) if asked and "check" in options else None
            yield Hop("haproxy", HAPROXY, line.line, where[0] or "127.0.0.1", where[1], proxy, tls)


def _of_nginx(system: System) -> Iterator[Hop]:
    for context in system.nginx.every("stream", "http"):
        for server in context.every("server"):
            for directive in server.walk():
                if directive.name == "proxy_pass":
                    yield from _passed(context, server, directive)


def _passed(context: Directive, server: Directive, directive: Directive) -> Iterator[Hop]:
    """Where a `proxy_pass` leads: an address, or every server of an upstream."""
    scheme, _sep, rest = directive.value.rpartition("://")
    name = rest.partition("/")[0]
    if "$" in name or name.startswith("unix:"):
        return
    stream = context.name == "stream"
    proxy = stream and _inherited("proxy_protocol", server, context) == "on"
    tls = scheme == "https" or (stream and _inherited("proxy_ssl", server, context) == "on")
    upstream = next((block for block in context.every("upstream") if block.value == name), None)
    ends = [(end, end.value) for end in upstream.every("server")] if upstream else [(directive, name)]
    for at, text in ends:
        where = endpoint(text, 443 if scheme == "https" else 80)
        if where:
            yield Hop("nginx", at.file, at.line, where[0] or "127.0.0.1", where[1], proxy, tls, server)


def _inherited(name: str, server: Directive, context: Directive) -> str:
    directive = server.first(name) or context.first(name)
    return directive.value if directive else ""


def _trust(system: System, listeners: list[Listener]) -> Iterator[Finding]:
    """The PROXY line is only believed from those named: nginx's set_real_ip_from, Dovecot's trusted networks."""
    for context in system.nginx.every("stream", "http"):
        for server in context.every("server"):
            expecting = [listen for listen in server.every("listen") if "proxy_protocol" in listen.arguments]
            trusted = server.first("set_real_ip_from") or context.first("set_real_ip_from")
            if expecting and trusted is None:
                reason = _("set_real_ip_from is missing: the client's address would be HAProxy's")
                yield error("client_address_lost", "nginx", expecting[0].file, expecting[0].line, reason)
            header = server.first("real_ip_header") or context.first("real_ip_header")
            if expecting and context.name == "http" and (header is None or header.value != "proxy_protocol"):
                at = header or expecting[0]
                reason = _("real_ip_header must be proxy_protocol: the client's address would be HAProxy's")
                yield error("client_address_lost", "nginx", at.file, at.line, reason)
    yield from _taken_back(system)
    for listener in listeners:
        if listener.component == "dovecot" and listener.proxy and not _trusts_loopback(system):
            reason = _("haproxy_trusted_networks must hold 127.0.0.0/8, or no PROXY line is believed")
            line = system.dovecot.line_of("haproxy_trusted_networks") or listener.line
            yield error("client_address_lost", "dovecot", DOVECOT, line, reason)
            return


def _trusts_loopback(system: System) -> bool:
    for text in system.dovecot.get("haproxy_trusted_networks").replace(",", " ").split():
        try:
            if ipaddress.ip_address("127.0.0.1") in ipaddress.ip_network(text, strict=False):
                return True
        except ValueError:
            continue
    return False


def _taken_back(system: System) -> Iterator[Finding]:
    """Dovecot puts sections of one name together: a later one can take the PROXY line from a listener before it."""
    expected: dict[tuple[str, str], str] = {}
    for service in system.dovecot.every("service"):
        for listener in service.every("inet_listener"):
            name, now = (service.name, listener.name), listener.get("haproxy")
            if now and expected.setdefault(name, now) != now:
                reason = _("haproxy = {value} contradicts what was set for {listener} before", value=now,
                           listener=listener.name)  # fmt: skip
                yield error(
                    "proxy_one_sided", "dovecot", DOVECOT, listener.line_of("haproxy") or listener.line, reason
                )
