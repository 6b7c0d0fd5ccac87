"""Where the files of a generation lead to: outside services, and listeners on this node."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.shadow.model import Outside, Target

_LDAP_PORTS = {"ldap": 389, "ldaps": 636}
_COMMENT = re.compile(r"^\s*#")
_DATABASE_URL = re.compile(r"postgresql://[^@\s\"]*@([\w.:\[\]-]+?):(\d+)/")
_MAP_HOSTS = re.compile(r"^hosts\s*=\s*(.+)$", re.MULTILINE)
_MAP_HOST = re.compile(r"(?:inet:)?([\w.\[\]:-]+?)(?::(\d+))?$")
_CONNINFO_HOST = re.compile(r"\bhost=\\?['\"]?([\w.:-]+)")
_CONNINFO_PORT = re.compile(r"\bport=\\?['\"]?(\d+)")
_LDAP_URL = re.compile(r"\b(ldaps?)://([\w.-]+|\[[0-9a-fA-F:]+\])(?::(\d+))?")
_INET = re.compile(r"\binet:([\w.-]+|\[[0-9a-fA-F:]+\]):(\d+)")
_UNIX = re.compile(r"\bunix:([/\w.-]+)")
_SOGO_VALUE = r'\b{name}\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^";\s]+))\s*;'
_SERVICE_URL = re.compile(r"^(?:\w+://)?(\[[0-9a-fA-F:]+\]|[\w.-]+)(?::(\d+))?")
_SERVER_LINE = re.compile(r"^\s*server\s+\S+\s+([\d.]+):(\d+)", re.MULTILINE)
_PASS = re.compile(r"\b(?:proxy_pass|server)\s+(?:https?://)?([\d.]+):(\d+)")
_LISTENERS = (
    ("nginx", re.compile(r"\blisten\s+(?:[\w.*]+:|\[[^\]]*\]:)?(\d+)\b")),
    ("haproxy", re.compile(r"^\s*bind\s+(?:[\w.*]*):(\d+)", re.MULTILINE)),
    ("dovecot", re.compile(r"^\s*port\s*=\s*(\d+)", re.MULTILINE)),
    ("postfix", re.compile(r"^(?:[\w.\[\]]*:)?(\d+)\s+inet\s", re.MULTILINE)),
    ("memcached", re.compile(r"^-p\s+(\d+)", re.MULTILINE)),
    ("sogo", re.compile(r"\bWOPort\s*=\s*\"?(?:[\d.*]+:)?(\d+)")),
)
_CALLERS = ("postfix/main.cf", "postfix/master.cf")
# Where it is unless the files say otherwise.
_MEMCACHED_PORT = 11211


def outside_services(files: Iterable[RenderedFile], own: frozenset[str]) -> tuple[Outside, ...]:
    """Every service outside the generation that its files name.

    `own` are the node's addresses: what is there and listened on by a daemon of the generation is not outside.
    """
    listed = list(files)
    inside_ports = listening_ports(listed)

    def elsewhere(target: tuple[str, int]) -> bool:
        return not (is_local(target[0], own) and target[1] in inside_ports)

    found = [Outside("PostgreSQL", _unique(filter(elsewhere, _databases(listed))), needed=True)]
    for name, targets in _directories(listed):
        found.append(Outside(name, _unique(filter(elsewhere, targets)), needed=True))
    cache = memcached(listed)
    # One on this node belongs to the generation, also when its files do not agree about the port.
    if cache[0] and not (is_local(cache[0], own) and any(file.component == "memcached" for file in listed)):
        found.append(Outside("memcached", (cache,), needed=False))
    for target in _unique(filter(elsewhere, _called(listed))):
        found.append(Outside(f"{target[0]}:{target[1]}", (target,), needed=False))
    return tuple(service for service in found if service.targets)


def called_sockets(files: Iterable[RenderedFile], queue: str) -> tuple[str, ...]:
    """Socket files that Postfix calls and that are not among those that daemons of the generation make themselves.

    A relative name is below the queue directory, where `private/` and `public/` belong to Postfix and Dovecot.
    """
    found = []
    for file in files:
        if file.path in _CALLERS:
            for name in _UNIX.findall(_uncommented(file.content)):
                path = name if name.startswith("/") else f"{queue}/{name}"
                if not path.startswith((f"{queue}/private/", f"{queue}/public/")) and path not in found:
                    found.append(path)
    return tuple(found)


def local_targets(files: Iterable[RenderedFile], own: frozenset[str]) -> tuple[Target, ...]:
    """What HAProxy, nginx and SOGo send to at this node: a daemon of the generation must listen there."""
    found: dict[tuple[str, int], Target] = {}
    for file in files:
        pattern = {"haproxy": _SERVER_LINE, "nginx": _PASS}.get(file.component)
        text = _uncommented(file.content)
        for match in pattern.finditer(text) if pattern else ():
            address, port = match[1], int(match[2])
            line = text.count("\n", 0, match.start(1)) + 1
            if is_local(address, own):
                found.setdefault((address, port), Target(address, port, file.component, file.path, line))
    for file in files:
        if file.path.endswith("sogo.conf"):
            for name in ("SOGoIMAPServer", "SOGoSieveServer", "SOGoSMTPServer"):
                value = re.search(_SOGO_VALUE.replace("{name}", name), file.content)
                address, port = split_service(value[1] or value[2]) if value else ("", 0)
                if value and is_local(address, own) and port:
                    line = file.content.count("\n", 0, value.start()) + 1
                    found.setdefault((address, port), Target(address, port, file.component, file.path, line))
    return tuple(found.values())


def sogo_value(files: Iterable[RenderedFile], name: str) -> str:
    """A single value of sogo.conf, or "": the last one, which wins."""
    for file in files:
        if file.path.endswith("sogo.conf"):
            values = re.findall(_SOGO_VALUE.replace("{name}", name), file.content)
            if values:
                return "".join(values[-1])
    return ""


def split_service(text: str, default_port: int = 0) -> tuple[str, int]:
    """`imap://127.0.0.1:143/?tls=NO` → ("127.0.0.1", 143); ("", 0) for what is not a host."""
    match = _SERVICE_URL.match(text.strip())
    return (match[1].strip("[]"), int(match[2] or default_port)) if match else ("", 0)


def memcached(files: Iterable[RenderedFile]) -> tuple[str, int]:
    return split_service(sogo_value(files, "SOGoMemcachedHost"), _MEMCACHED_PORT)


def listening_ports(files: Iterable[RenderedFile]) -> frozenset[int]:
    """TCP ports on which daemons of the generation listen, by their files."""
    patterns = dict(_LISTENERS)
    return frozenset(
        int(port)
        for file in files
        if file.component in patterns
        for port in patterns[file.component].findall(_uncommented(file.content))
    )


def is_local(address: str, own: frozenset[str]) -> bool:
    """Whether an address is this node's: loopback, or one of its own. Names but `localhost` are not looked up."""
    if address == "localhost" or address in own:
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _databases(files: Iterable[RenderedFile]) -> Iterator[tuple[str, int]]:
    for file in files:
        text = _uncommented(file.content)
        for host, port in _DATABASE_URL.findall(text):
            yield host.strip("[]"), int(port)
        if file.component == "postfix" and "dbname" in text:
            for hosts in _MAP_HOSTS.findall(text):
                for word in hosts.split():
                    match = _MAP_HOST.match(word)
                    if match and not word.startswith(("/", "unix:")):
                        yield match[1].strip("[]"), int(match[2] or 5432)
        if file.component == "dovecot":
            for line in text.splitlines():
                host_match = _CONNINFO_HOST.search(line) if line.startswith("connect") else None
                if host_match:
                    port_match = _CONNINFO_PORT.search(line)
                    yield host_match[1], int(port_match[1]) if port_match else 5432


def _directories(files: Iterable[RenderedFile]) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Servers that stand together on a line (one directory's) make one service, named by them."""
    seen = set()
    for file in files:
        if file.component not in ("dovecot", "sogo", "postfix"):
            continue
        for line in _uncommented(file.content).splitlines():
            targets = [
                (host.strip("[]"), int(port or _LDAP_PORTS[scheme])) for scheme, host, port in _LDAP_URL.findall(line)
            ]
            if targets and frozenset(targets) not in seen:
                seen.add(frozenset(targets))
                yield f"LDAP {' '.join(host for host, _port in targets)}", targets


def _called(files: Iterable[RenderedFile]) -> Iterator[tuple[str, int]]:
    """Mail filters and policy services that Postfix calls over TCP."""
    for file in files:
        if file.path in _CALLERS:
            for host, port in _INET.findall(_uncommented(file.content)):
                yield host.strip("[]"), int(port)


def _uncommented(text: str) -> str:
    """The text with comment lines emptied, so that line numbers stay."""
    return "\n".join("" if _COMMENT.match(line) else line for line in text.split("\n"))


def _unique(items: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(dict.fromkeys(items))
