"""Who listens where: the sockets of all daemons of one node."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rupost_core.components.languages import dovecot, nginx
from rupost_core.components.languages.postfix import split_list
from rupost_core.configuration.lint.model import HostFacts
from rupost_core.configuration.lint.system import DOVECOT, HAPROXY, MAIN, MASTER, MEMCACHED, SOGO, System

# services(5) as far as master.cf of a mail system names them.
_PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "lmtp": 24}
# Dovecot 2.3's own listeners, which a configuration changes by naming them: service, listener, port, TLS.
_DOVECOT_BUILT_IN = {
    "imap-login": {"imap": (143, False), "imaps": (993, True)},
    "pop3-login": {"pop3": (110, False), "pop3s": (995, True)},
    "managesieve-login": {"sieve": (4190, False)},
    "submission-login": {"submission": (587, False)},
}
_DOVECOT_PROTOCOLS = {"imap": "imap-login", "pop3": "pop3-login", "sieve": "managesieve-login",
                      "submission": "submission-login", "lmtp": "lmtp"}  # fmt: skip
# nginx's modules that listen.
_NGINX_CONTEXTS = ("http", "stream", "mail")


@dataclass(frozen=True)
class Listener:
    """A TCP socket. `host` is an address, or "" for all of them; `purpose` is the service behind it.

    `tls`: TLS from the first byte. `proxy`: a PROXY line is expected first.
    """

    component: str
    file: str
    line: int
    host: str
    port: int
    tls: bool
    proxy: bool
    purpose: str

    def meets(self, host: str, port: int) -> bool:
        """Whether a connection to this address arrives here."""
        return self.port == port and self.host in ("", normal(host))

    def overlaps(self, other: Listener) -> bool:
        if self.port != other.port or (":" in self.host) != (":" in other.host):
            return False
        return self.host == other.host or "" in (self.host, other.host)


def normal(host: str) -> str:
    """An address in the form in which listeners are compared: "" for all, 127.0.0.1 for localhost."""
    bare = host.strip("[]")
    if bare in ("*", "0.0.0.0", ""):  # noqa: S104 - the address is read, nothing is bound
        return ""
    return "127.0.0.1" if bare == "localhost" else bare


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(normal(host)).is_loopback
    except ValueError:
        return False


def is_local(host: str, facts: HostFacts) -> bool:
    return is_loopback(host) or host == facts.node_address or host in facts.addresses


def every(system: System, facts: HostFacts) -> list[Listener]:
    return [
        *_of_haproxy(system, facts),
        *_of_nginx(system),
        *_of_postfix(system),
        *_of_dovecot(system),
        *_of_sogo(system),
        *_of_memcached(system),
    ]


def endpoint(text: str, default_port: int | None = None) -> tuple[str, int] | None:
    """(host, port) of `host:port`, `:port`, `port` or `[v6]:port`; None for anything else, such as a path."""
    host, colon, port = text.rpartition(":")
    if not colon and not port.isdigit() and default_port is not None:
        return normal(text), default_port
    return (normal(host), int(port)) if port.isdigit() else None


def listen_endpoint(directive: nginx.Directive) -> tuple[str, int] | None:
    value = directive.value
    if value.startswith("unix:"):
        return None
    return endpoint(value, 80)


def _of_haproxy(system: System, facts: HostFacts) -> Iterator[Listener]:
    local_peer = facts.node_name
    for section in system.haproxy:
        named = section.first("localpeer")
        if section.kind == "global" and named and len(named.words) > 1:
            local_peer = named.words[1]
    for section in system.haproxy:
        for line in section.every("bind"):
            for text in line.words[1].split(",") if len(line.words) > 1 else ():
                where = endpoint(text)
                if where:
                    tls, proxy = "ssl" in line.words[2:], "accept-proxy" in line.words[2:]
                    yield Listener("haproxy", HAPROXY, line.line, *where, tls, proxy, section.name)
        for line in section.every("peer", local_peer) if section.kind == "peers" else ():
            where = endpoint(line.words[2]) if len(line.words) > 2 else None
            if where:
                yield Listener("haproxy", HAPROXY, line.line, *where, False, False, "peers")


def _of_nginx(system: System) -> Iterator[Listener]:
    for context in system.nginx.every(*_NGINX_CONTEXTS):
        for server in context.every("server"):
            for listen in server.every("listen"):
                where = listen_endpoint(listen)
                if where and "udp" not in listen.arguments:
                    tls, proxy = "ssl" in listen.arguments, "proxy_protocol" in listen.arguments
                    yield Listener("nginx", listen.file, listen.line, *where, tls, proxy, context.name)


def _of_postfix(system: System) -> Iterator[Listener]:
    for service in system.services:
        if service.type != "inet":
            continue
        host, port = service.address
        number = int(port) if port.isdigit() else _PORTS.get(port)
        if number is None:
            continue
        tls = system.setting(service, "smtpd_tls_wrappermode") == "yes"
        proxy = bool(system.setting(service, "smtpd_upstream_proxy_protocol"))
        hosts = [normal(host)] if host else _postfix_interfaces(system)
        for one in hosts:
            place = (MASTER, service.line) if host or not one else (MAIN, system.main.line("inet_interfaces") or 1)
            yield Listener("postfix", *place, one, number, tls, proxy, service.program)


def _postfix_interfaces(system: System) -> list[str]:
    named = split_list(system.main.value("inet_interfaces", "all"))
    if "all" in named or not named:
        return [""]
    return ["127.0.0.1" if name in ("loopback-only", "localhost") else normal(name) for name in named]


def _of_dovecot(system: System) -> Iterator[Listener]:
    if not system.has(DOVECOT):
        return
    everywhere = system.dovecot.get("listen", "*, ::").replace(",", " ").split()
    for protocol in system.dovecot.get("protocols", "imap pop3 lmtp").split():
        service = _DOVECOT_PROTOCOLS.get(protocol, "")
        built_in = _DOVECOT_BUILT_IN.get(service, {})
        for listener in _inet_listeners(system.dovecot, service, built_in):
            default_port, default_tls = built_in.get(listener.name, (0, False))
            port = listener.get("port", str(default_port))
            if not port.isdigit() or int(port) == 0:
                continue
            tls, proxy = listener.get("ssl", "yes" if default_tls else "no"), listener.get("haproxy")
            line = listener.line_of("port") or listener.line
            for host in listener.get("address").replace(",", " ").split() or everywhere:
                where = "::" if host == "::" else normal(host)
                yield Listener("dovecot", DOVECOT, line, where, int(port), tls == "yes", proxy == "yes", service)


def _inet_listeners(root: dovecot.Section, service: str, built_in: Iterable[str]) -> list[dovecot.Section]:
    """A service's listeners: those that the file names, and the built-in ones that it does not."""
    named = [one for s in root.every("service") if s.name == service for one in s.every("inet_listener")]
    return [*named, *(dovecot.Section("inet_listener", name, 1) for name in set(built_in) - {n.name for n in named})]


def _of_sogo(system: System) -> Iterator[Listener]:
    if system.sogo is not None and isinstance(system.sogo.data, dict):
        where = endpoint(system.sogo.text("WOPort") or "127.0.0.1:20000")
        if where:
            line = system.sogo.line_of("WOPort") or 1
            yield Listener("sogo", SOGO, line, *where, False, False, "sogod")


def _of_memcached(system: System) -> Iterator[Listener]:
    options = system.memcached
    if not system.has(MEMCACHED) or "-s" in options:
        return
    port = options.get("-p", options.get("--port", "11211"))
    line = options.line("-p") or options.line("-l") or 1
    if port.isdigit() and port != "0":
        for host in options.get("-l", options.get("--listen")).split(","):
            yield Listener("memcached", MEMCACHED, line, normal(host), int(port), False, False, "memcached")
