"""Who may send through us: relay restrictions of every smtpd, trusted networks, domains that match everything.

Sources: SMTPD_ACCESS_README, postconf(5), and CVE-2023-51764 for the bare newlines.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Literal

from rupost_core.components.languages.postfix import Service, split_list
from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import MAIN, System
from rupost_core.i18n import translate as _

Ending = Literal["stops", "passes"]
_STOP = {"reject", "defer", "reject_unauth_destination", "defer_unauth_destination", "defer_if_permit"}
# These let strangers pass, for any recipient.
_PASS = {"permit", "permit_tls_all_clientcerts", "permit_naked_ip_address", "permit_mx_backup"}
_PASS_WITH_ARGUMENT = {"permit_dnswl_client", "permit_rhswl_client"}
_LISTS = ("smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
          "smtpd_relay_restrictions", "smtpd_recipient_restrictions")  # fmt: skip
# Postfix's own value from compatibility level 1 on.
_DEFAULT_RELAY = "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"
_LEAST_PREFIX, _WIDEST_PUBLIC, _WIDE_PRIVATE = 8, 24, 16
_EVERYTHING = ("static:", "regexp:/./", "regexp:/.*/", "pcre:/./", "pcre:/.*/")
_DOMAIN_LISTS = ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains")


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    for service in system.smtpd:
        yield from _relay(system, service)
        yield from _smuggling(system, service)
    yield from _networks(system)
    yield from _domains(system)


def _relay(system: System, service: Service) -> Iterator[Finding]:
    endings = {name: _ending(system, service, _value(system, service, name)) for name in _LISTS}
    if all(ending == "passes" for ending in endings.values()):
        file, line = system.place(service, "smtpd_relay_restrictions", "smtpd_recipient_restrictions")
        reason = _("the service {name} lets strangers send to any address", name=service.name)
        yield error("open_relay", "postfix", file, line, reason)
    elif endings["smtpd_relay_restrictions"] == "passes" and not any(endings[name] == "stops" for name in _LISTS[:3]):
        file, line = system.place(service, "smtpd_relay_restrictions")
        reason = _("the relay restrictions of {name} do not end in reject_unauth_destination", name=service.name)
        yield warning("relay_restrictions", "postfix", file, line, reason)


def _value(system: System, service: Service, name: str) -> str:
    return system.setting(service, name, _DEFAULT_RELAY if name == "smtpd_relay_restrictions" else "")


def _ending(system: System, service: Service, value: str, depth: int = 0) -> Ending:
    """What becomes of a stranger's letter to a stranger in one list of restrictions."""
    classes = split_list(system.main.value("smtpd_restriction_classes"))
    words = iter(split_list(value))
    for word in words:
        name = word.lower()
        if name == "warn_if_reject":
            next(words, None)
        elif name in _STOP or name.startswith("reject_plaintext_session"):
            return "stops"
        elif (
            name in _PASS
            or name in _PASS_WITH_ARGUMENT
            or (
                name.startswith("check_") and next(words, "").lower() in ("static:ok", "static:permit", "static:{ok}")
            )
        ):
            return "passes"
        elif name == "permit_mynetworks":
            if any(_is_everything(item) for item in split_list(system.setting(service, "mynetworks"))):
                return "passes"
        elif (
            word in classes and depth < 5 and _ending(system, service, system.main.value(word), depth + 1) == "stops"
        ):
            return "stops"
    return "passes"


def _is_everything(item: str) -> bool:
    network = _network(item)
    return item.startswith(_EVERYTHING) or (network is not None and network.prefixlen < _LEAST_PREFIX)


def _network(item: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(item.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None


def _networks(system: System) -> Iterator[Finding]:
    places = [(system.main.value("mynetworks"), MAIN, system.main.line("mynetworks"))]
    for service in system.smtpd:
        if "mynetworks" in service.overrides:
            places.append((system.setting(service, "mynetworks"), *system.place(service, "mynetworks")))
    for value, file, line in places:
        for item in split_list(value):
            yield from _width(item, file, line)
    if "mynetworks" not in system.main and system.has(MAIN):
        style = system.main.value("mynetworks_style", "host")
        if style in ("class", "subnet"):
            kind = error if style == "class" else warning
            reason = _("without mynetworks, mynetworks_style = {style} trusts whole networks", style=style)
            yield kind("wide_mynetworks", "postfix", MAIN, system.main.line("mynetworks_style"), reason)


def _width(item: str, file: str, line: int | None) -> Iterator[Finding]:
    if item.startswith("!"):
        return
    if _is_everything(item):
        reason = _("mynetworks trusts nearly the whole Internet: {network}", network=item)
        yield error("wide_mynetworks", "postfix", file, line, reason)
        return
    network = _network(item)
    if network is None or network.is_loopback:
        return
    if not network.is_private and network.version == 4 and network.prefixlen < _WIDEST_PUBLIC:
        reason = _("mynetworks trusts a public network wider than /24: {network}", network=item)
        yield error("wide_mynetworks", "postfix", file, line, reason)
    elif network.version == 4 and network.prefixlen < _WIDE_PRIVATE:
        reason = _("mynetworks trusts a wide network: {network}", network=item)
        yield warning("wide_mynetworks", "postfix", file, line, reason)


def _domains(system: System) -> Iterator[Finding]:
    for name in _DOMAIN_LISTS:
        for item in split_list(system.main.value(name)):
            if item.startswith(_EVERYTHING) or item in ("*", "."):
                reason = _("{parameter} takes every domain for ours: {item}", parameter=name, item=item)
                yield error("wildcard_domain", "postfix", MAIN, system.main.line(name), reason)


def _smuggling(system: System, service: Service) -> Iterator[Finding]:
    """A letter inside a letter, by line ends that Postfix takes for the end of the data (SMTP smuggling)."""
    newline = system.setting(service, "smtpd_forbid_bare_newline", "no")
    if newline not in ("yes", "normalize", "reject"):
        file, line = system.place(service, "smtpd_forbid_bare_newline")
        reason = _("smtpd_forbid_bare_newline must be normalize or reject in {name}", name=service.name)
        yield error("smtp_smuggling", "postfix", file, line, reason)
        return
    excluded = split_list(system.setting(service, "smtpd_forbid_bare_newline_exclusions", "$mynetworks"))
    networks = [_network(item) for item in excluded]
    if any(network is None or not network.is_loopback for network in networks):
        file, line = system.place(service, "smtpd_forbid_bare_newline_exclusions", "smtpd_forbid_bare_newline")
        reason = _("smtpd_forbid_bare_newline_exclusions must be empty: others than this node are left out")
        yield error("smtp_smuggling", "postfix", file, line, reason)
    if system.setting(service, "smtpd_forbid_unauth_pipelining", "no") != "yes":
        file, line = system.place(service, "smtpd_forbid_unauth_pipelining")
        reason = _("smtpd_forbid_unauth_pipelining must be yes in {name}", name=service.name)
        yield error("smtp_smuggling", "postfix", file, line, reason)
