"""Passwords only under TLS, and no old TLS: Postfix, Dovecot and nginx together, since nginx takes TLS off."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from rupost_core.components.languages.postfix import Service, split_list
from rupost_core.configuration.lint.chain import Hop, every_hop, target
from rupost_core.configuration.lint.listeners import Listener, is_loopback, listen_endpoint
from rupost_core.configuration.lint.model import Finding, HostFacts, error
from rupost_core.configuration.lint.system import DOVECOT, MAIN, System
from rupost_core.i18n import translate as _

_OLD = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")
_NEW = ("TLSv1.2", "TLSv1.3")


def findings(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    hops = every_hop(system)
    for service in system.smtpd:
        yield from _postfix_passwords(system, service, hops, listeners)
    yield from _dovecot_passwords(system, hops, listeners)
    yield from _old_versions(system)


def _postfix_passwords(
    system: System, service: Service, hops: list[Hop], listeners: list[Listener]
) -> Iterator[Finding]:
    if system.setting(service, "smtpd_sasl_auth_enable", "no") != "yes":
        return
    under_tls = (
        system.setting(service, "smtpd_tls_auth_only", "no") == "yes"
        or system.setting(service, "smtpd_tls_security_level") == "encrypt"
        or system.setting(service, "smtpd_tls_wrappermode", "no") == "yes"
    )
    if under_tls:
        return
    mine = [one for one in listeners if one.component == "postfix" and one.line == service.line]
    if any(not is_loopback(one.host) for one in mine):
        file, line = system.place(service, "smtpd_tls_auth_only", "smtpd_sasl_auth_enable")
        reason = _("passwords may come without TLS to {name}, which the network reaches", name=service.name)
        yield error("plaintext_auth", "postfix", file, line, reason)
    yield from _openly_reached(mine, hops, listeners)


def _openly_reached(mine: list[Listener], hops: list[Hop], listeners: list[Listener]) -> Iterator[Finding]:
    """Hops to a listener that takes passwords, from where no TLS was taken off."""
    for hop in hops:
        if target(hop, listeners) not in mine:
            continue
        if hop.source is None or not all("ssl" in listen.arguments for listen in hop.source.every("listen")):
            reason = _("passwords go to port {port} without TLS in front of it", port=hop.port)
            yield error("plaintext_auth", hop.component, hop.file, hop.line, reason)


def _dovecot_passwords(system: System, hops: list[Hop], listeners: list[Listener]) -> Iterator[Finding]:
    root = system.dovecot
    if not system.has(DOVECOT):
        return
    open_everywhere = root.get("disable_plaintext_auth", "yes") != "yes"
    if open_everywhere:
        line = root.line_of("disable_plaintext_auth")
        reason = _("disable_plaintext_auth = no for all: passwords may come without TLS")
        yield error("plaintext_auth", "dovecot", DOVECOT, line, reason)
    if root.get("ssl", "yes") == "no":
        reason = _("ssl = no: nobody can use TLS, so passwords come in plain text or not at all")
        yield error("plaintext_auth", "dovecot", DOVECOT, root.line_of("ssl"), reason)
    exempt = [s for s in root.every("local", "remote") if s.get("disable_plaintext_auth") == "no"]
    for section in exempt:
        if not is_loopback(section.name.partition("/")[0]):
            reason = _("passwords may come without TLS at {address}", address=section.name)
            yield error("plaintext_auth", "dovecot", DOVECOT, section.line_of("disable_plaintext_auth"), reason)
    exempt_names = [section.name for section in exempt if section.type == "local"]
    for hop in hops:
        meets = target(hop, listeners)
        if hop.source is not None and meets is not None and meets.component == "dovecot":
            yield from _offload(hop, exempt_names)


def _offload(hop: Hop, exempt: list[str]) -> Iterator[Finding]:
    """nginx takes TLS off exactly where Dovecot is told so by the address that nginx listens at."""
    for listen in hop.source.every("listen") if hop.source else ():
        where = listen_endpoint(listen)
        if where is None:
            continue
        told = any(_covers(name, where[0]) for name in exempt)
        if "ssl" in listen.arguments and not told:
            reason = _("Dovecot does not know that TLS is taken off at {address}: it would refuse every password",
                       address=where[0])  # fmt: skip
            yield error("tls_offload", "nginx", listen.file, listen.line, reason)
        if "ssl" not in listen.arguments and told:
            reason = _("Dovecot takes connections at {address} for encrypted, and they are not", address=where[0])
            yield error("plaintext_auth", "nginx", listen.file, listen.line, reason)


def _covers(network: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _old_versions(system: System) -> Iterator[Finding]:
    if system.has(DOVECOT):
        least = system.dovecot.get("ssl_min_protocol", "TLSv1.2")
        if least not in _NEW:
            yield _old("dovecot", DOVECOT, system.dovecot.line_of("ssl_min_protocol"), "ssl_min_protocol", least)
    for directive in system.nginx.walk():
        old = [name for name in directive.arguments if name in _OLD]
        if directive.name == "ssl_protocols" and old:
            yield _old("nginx", directive.file, directive.line, "ssl_protocols", " ".join(old))
    for name in ("smtpd_tls_protocols", "smtpd_tls_mandatory_protocols"):
        if name not in system.main:
            continue
        old = _postfix_allows(system.main.value(name))
        if old:
            yield _old("postfix", MAIN, system.main.line(name), name, " ".join(old))


def _old(component: str, file: str, line: int | None, name: str, versions: str) -> Finding:
    reason = _("{parameter} allows {versions}, which are outdated", parameter=name, versions=versions)
    return error("old_tls", component, file, line, reason)


def _postfix_allows(value: str) -> list[str]:
    """The outdated versions that a list such as `>=TLSv1.2` or `!SSLv2, !SSLv3` allows."""
    items = split_list(value)
    least = next((item[2:].strip() for item in items if item.startswith(">=")), None)
    order = [*_OLD, *_NEW]
    if least is not None:
        return list(order[order.index(least) : len(_OLD)]) if least in order else []
    named = {item for item in items if re.match(r"[A-Z]", item)}
    refused = {item[1:] for item in items if item.startswith("!")}
    return [version for version in _OLD if (version in named if named else version not in refused)]
