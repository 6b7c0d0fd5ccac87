"""Where Postfix and SOGo meet the others inside the node: sockets by path, owner and mode, transports by name."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from rupost_core.components.languages.postfix import Service, split_list
from rupost_core.configuration.lint.listeners import Listener, endpoint, is_local
from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import DOVECOT, MAIN, MASTER, SOGO, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_QUEUE = "/var/spool/postfix"
_POSTFIX = "postfix"
_DOVECOT_BASE = "/run/dovecot"
_SOGO_URLS = {"SOGoIMAPServer": 143, "SOGoSieveServer": 4190, "SOGoSMTPServer": 25}
_MEMCACHED_PORT = 11211
# Names of services that main.cf has parameters for; the compiled-in names are those of Debian's master.cf.
_SERVICE_PARAMETERS = re.compile(r"(?!smtpd_|postscreen_).*_service_name$")


def findings(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    if system.has(MAIN) and system.has(MASTER):
        yield from _transports(system)
        if system.main.value("queue_directory", _QUEUE) != _QUEUE:
            reason = _("queue_directory must be {path}, where the unit and Dovecot look for it", path=_QUEUE)
            yield error("queue_directory", "postfix", MAIN, system.main.line("queue_directory"), reason)
        yield from _postfix_sockets(system, facts, listeners)
    if system.sogo is not None:
        yield from _sogo(system, facts, listeners)


def _transports(system: System) -> Iterator[Finding]:
    names = {service.name for service in system.services if service.type in ("unix", "unix-dgram", "fifo")}
    for setting in system.main:
        value = system.main.value(setting.name)
        named = ""
        if setting.name.endswith("_transport") or setting.name == "content_filter":
            named = value.partition(":")[0]
        elif _SERVICE_PARAMETERS.fullmatch(setting.name):
            named = value
        if named and named not in names and setting.line == system.main.line(setting.name):
            reason = _("master.cf has no service “{name}”.", name=named) + nearest(named, names)
            yield error("transport_missing", "postfix", MAIN, setting.line, reason)


def _postfix_sockets(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    for name in ("virtual_transport", "local_transport", "mailbox_transport", "relay_transport"):
        service, _colon, nexthop = system.main.value(name).partition(":")
        if service == "lmtp" and nexthop:
            yield from _peer(system, facts, listeners, "lmtp", nexthop, MAIN, system.main.line(name))
    for smtpd in system.smtpd:
        if system.setting(smtpd, "smtpd_sasl_auth_enable", "no") == "yes":
            yield from _sasl(system, facts, listeners, smtpd)
    for text, file, line in _policies(system):
        yield from _peer(system, facts, listeners, "policy", text, file, line)


def _sasl(system: System, facts: HostFacts, listeners: list[Listener], service: Service) -> Iterator[Finding]:
    if system.setting(service, "smtpd_sasl_type", "cyrus") != "dovecot":
        return
    file, line = system.place(service, "smtpd_sasl_path")
    path = system.setting(service, "smtpd_sasl_path", "smtpd")
    text = path if path.startswith(("inet:", "unix:")) else f"unix:{path}"
    yield from _peer(system, facts, listeners, "auth", text, file, line)


def _policies(system: System) -> Iterator[tuple[str, str, int | None]]:
    values = [(s.value, MAIN, s.line) for s in system.main if s.name.endswith("_restrictions")]
    values += [
        (s.value, MASTER, s.line) for v in system.services for s in v.overrides if s.name.endswith("_restrictions")
    ]
    for value, file, line in values:
        words = split_list(value)
        for word, argument in itertools.pairwise(words):
            if word == "check_policy_service":
                yield split_list(argument)[0], file, line


def _peer(
    system: System, facts: HostFacts, listeners: list[Listener], kind: str, text: str, file: str, line: int | None
) -> Iterator[Finding]:
    """A socket that Postfix connects to: `unix:path` below the queue directory, or `inet:host:port`."""
    if text.startswith("unix:"):
        yield from _unix(system, kind, text.removeprefix("unix:"), file, line)
        return
    where = endpoint(text.removeprefix("inet:").replace("[", "").replace("]", ""), 24)
    if where and is_local(where[0], facts) and not any(one.meets(*where) for one in listeners):
        reason = _("nothing listens at {address}", address=f"{where[0]}:{where[1]}")
        yield error("socket_missing", "postfix", file, line, reason)


def _unix(system: System, kind: str, path: str, file: str, line: int | None) -> Iterator[Finding]:
    if any(service.name == posixpath.basename(path) for service in system.services) or not system.has(DOVECOT):
        return
    absolute = posixpath.join(system.main.value("queue_directory", _QUEUE), path)
    found = _dovecot_sockets(system).get(absolute)
    if found is None:
        reason = _("no daemon of this generation opens {path}.", path=absolute)
        yield error("socket_missing", "postfix", file, line, reason + nearest(absolute, _dovecot_sockets(system)))
        return
    service, user, group, mode, at = found
    wanted = {"lmtp": ("lmtp",), "auth": ("auth",), "policy": ("quota-status",)}[kind]
    if service not in wanted:
        reason = _("{path} is opened by Dovecot's service {service}, not by {wanted}",
                   path=absolute, service=service, wanted=wanted[0])  # fmt: skip
        yield error("socket_mismatch", "dovecot", DOVECOT, at, reason)
    if service == "lmtp" and "lmtp" not in system.dovecot.get("protocols", "imap pop3 lmtp").split():
        reason = _("“protocols” does not name lmtp, so Dovecot opens no LMTP socket")
        yield error("socket_missing", "dovecot", DOVECOT, system.dovecot.line_of("protocols"), reason)
    allowed = (
        (user == _POSTFIX and mode & 0o600 == 0o600)
        or (group == _POSTFIX and mode & 0o060 == 0o060)
        or mode & 0o006 == 0o006
    )
    if not allowed:
        reason = _("the user postfix may not use {path} ({user}:{group} {mode:04o})",
                   path=absolute, user=user, group=group, mode=mode)  # fmt: skip
        yield error("socket_mismatch", "dovecot", DOVECOT, at, reason)


def _dovecot_sockets(system: System) -> dict[str, tuple[str, str, str, int, int]]:
    """Path → (service, user, group, mode, line) of Dovecot's unix listeners."""
    base = system.dovecot.get("base_dir", _DOVECOT_BASE)
    found = {}
    for service in system.dovecot.every("service"):
        for listener in service.every("unix_listener"):
            try:
                mode = int(listener.get("mode", "0600"), 8)
            except ValueError:
                mode = 0
            path = posixpath.join(base, listener.get("path", listener.name))
            user, group = listener.get("user", "root"), listener.get("group", "root")
            ours = user == _POSTFIX or (group == _POSTFIX and "user" not in (s.name for s in listener.settings))
            at = listener.line_of("mode") if ours else listener.line_of("user")
            found[path] = (service.name, user, group, mode, at or listener.line_of("mode") or listener.line)
    return found


def _sogo(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    node = system.sogo
    if node is None or not isinstance(node.data, dict):
        return
    for key, port in _SOGO_URLS.items():
        text = node.text(key)
        if not text:
            continue
        url = urlsplit(text if "://" in text else f"//{text}")
        try:
            where = (url.hostname or "", url.port or port)
        except ValueError:
            reason = _("“{text}” is not the address of a server", text=text)
            yield error("sogo_target", "sogo", SOGO, node.line_of(key), reason)
            continue
        yield from _target(facts, listeners, key, where, node.line_of(key))
        encrypted = url.scheme.endswith("s") or "tls=" in url.query.lower()
        if not is_local(where[0], facts) and where[0] != "localhost" and not encrypted:
            reason = _("{key} sends passwords over the network without TLS", key=key)
            yield warning("plaintext_auth", "sogo", SOGO, node.line_of(key), reason)
    where_cached = endpoint(node.text("SOGoMemcachedHost"), _MEMCACHED_PORT)
    if where_cached and where_cached[0]:
        yield from _target(facts, listeners, "SOGoMemcachedHost", where_cached, node.line_of("SOGoMemcachedHost"))


def _target(
    facts: HostFacts, listeners: list[Listener], key: str, where: tuple[str, int], line: int | None
) -> Iterator[Finding]:
    host, port = where
    if not is_local("127.0.0.1" if host == "localhost" else host, facts):
        return
    meets = next((one for one in listeners if one.meets(host, port)), None)
    if meets is None:
        reason = _("{key}: nothing listens at {address}", key=key, address=f"{host}:{port}")
        yield error("sogo_target", "sogo", SOGO, line, reason)
    elif meets.component == "haproxy":
        reason = _("{key}: {address} is the port of the clients, which wants TLS", key=key, address=f"{host}:{port}")
        yield error("sogo_target", "sogo", SOGO, line, reason)
    elif meets.proxy:
        reason = _(
            "{key}: a PROXY line is expected at {address}, and SOGo sends none", key=key, address=f"{host}:{port}"
        )
        yield error("proxy_one_sided", "sogo", SOGO, line, reason)
