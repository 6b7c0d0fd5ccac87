"""Names and values in main.cf and master.cf that Postfix itself would only warn of, or trip over when mail comes.

Sources: postconf(5) of Postfix 3.5 to 3.9 (postfix_parameters.txt), SMTPD_ACCESS_README for the restrictions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from rupost_core.components.languages.postfix import split_list
from rupost_core.components.languages.syntax import Setting
from rupost_core.configuration.lint.model import Finding, HostFacts, error, listed
from rupost_core.configuration.lint.system import MAIN, MASTER, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_DATA = Path(__file__).with_name("postfix_parameters.txt")
# qmgr(8), master(5): each transport has its own copy of these.
_PER_TRANSPORT = re.compile(
    r"[\w-]+_(?:(?:initial_)?destination_(?:concurrency(?:_limit|_failed_cohort_limit|_negative_feedback"
    r"|_positive_feedback)?|rate_delay|recipient_limit)|initial_destination_concurrency|time_limit|delivery_slot_cost|delivery_slot_discount"
    r"|delivery_slot_loan|minimum_delivery_slots|recipient_limit|extra_recipient_limit|recipient_refill_limit"
    r"|recipient_refill_delay|transport_rate_delay|master_service_disable)$"
)
_RESTRICTIONS = listed(
    """check_ccert_access check_client_a_access check_client_access check_client_mx_access check_client_ns_access
    check_etrn_access check_helo_a_access check_helo_access check_helo_mx_access check_helo_ns_access
    check_policy_service check_recipient_a_access check_recipient_access check_recipient_maps
    check_recipient_mx_access check_recipient_ns_access check_relay_domains
    check_reverse_client_hostname_a_access check_reverse_client_hostname_access
    check_reverse_client_hostname_mx_access check_reverse_client_hostname_ns_access check_sasl_access
    check_sender_a_access check_sender_access check_sender_mx_access check_sender_ns_access defer
    defer_if_permit defer_if_reject defer_unauth_destination permit permit_auth_destination
    permit_dnswl_client permit_inet_interfaces permit_mx_backup permit_mynetworks permit_naked_ip_address
    permit_rhswl_client permit_sasl_authenticated permit_tls_all_clientcerts permit_tls_clientcerts reject
    reject_authenticated_sender_login_mismatch reject_invalid_helo_hostname reject_invalid_hostname
    reject_known_sender_login_mismatch reject_maps_rbl reject_multi_recipient_bounce
    reject_non_fqdn_helo_hostname reject_non_fqdn_hostname reject_non_fqdn_recipient reject_non_fqdn_sender
    reject_plaintext_session reject_rbl reject_rbl_client reject_rhsbl_client reject_rhsbl_helo
    reject_rhsbl_recipient reject_rhsbl_reverse_client reject_rhsbl_sender reject_sender_login_mismatch
    reject_unauth_destination reject_unauth_pipelining reject_unauthenticated_sender_login_mismatch
    reject_unknown_address reject_unknown_client reject_unknown_client_hostname reject_unknown_helo_hostname
    reject_unknown_hostname reject_unknown_recipient_domain reject_unknown_reverse_client_hostname
    reject_unknown_sender_domain reject_unlisted_recipient reject_unlisted_sender reject_unverified_recipient
    reject_unverified_sender sleep warn_if_reject"""
)
_WITH_ARGUMENT = re.compile(
    r"check_\w+_access|check_policy_service|reject_rbl(?:_client)?|reject_rhsbl_\w+|permit_(?:dnswl|rhswl)_client|sleep"
)
_RESTRICTION_LISTS = re.compile(r"smtpd_\w+_restrictions$")
_LEVELS = ("none", "may", "encrypt")
_CLIENT_LEVELS = (*_LEVELS, "dane", "dane-only", "fingerprint", "verify", "secure")
_ENUMERATED = {
    "smtpd_tls_security_level": _LEVELS,
    "tlsproxy_tls_security_level": _LEVELS,
    "smtp_tls_security_level": _CLIENT_LEVELS,
    "lmtp_tls_security_level": _CLIENT_LEVELS,
    "smtpd_forbid_bare_newline": ("yes", "no", "normalize", "reject", "note"),
    "smtpd_upstream_proxy_protocol": ("haproxy",),
    "postscreen_upstream_proxy_protocol": ("haproxy",),
    "smtpd_sasl_type": ("dovecot", "cyrus"),
    "mynetworks_style": ("host", "subnet", "class"),
    "milter_default_action": ("accept", "reject", "tempfail", "quarantine", "shutdown"),
    "smtp_dns_support_level": ("enabled", "disabled", "dnssec"),
    "smtp_address_preference": ("any", "ipv4", "ipv6"),
    "smtpd_tls_eecdh_grade": ("auto", "none", "strong", "ultra"),
}
_PROTOCOLS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_PROTOCOL_LISTS = re.compile(r"(?:smtpd|smtp|lmtp|tlsproxy_client|tlsproxy)_tls_(?:mandatory_)?protocols$")
_CIPHER_GRADES = re.compile(r"\w+_tls_(?:mandatory_)?ciphers$")
_SASL_OPTIONS = re.compile(r"(?:smtpd|smtp|lmtp)_sasl_(?:tls_)?security_options$")
_SASL_FLAGS = ("noplaintext", "noactive", "nodictionary", "noanonymous", "forward_secrecy", "mutual_auth")
# Without these mail stays where it is, or nobody counts clients; proxymap is needed where `proxy:` is used.
_SERVICES = ("pickup", "cleanup", "qmgr", "tlsmgr", "rewrite", "bounce", "defer", "trace", "showq", "error", "retry",
             "anvil", "smtp", "relay", "lmtp")  # fmt: skip
_INTERNET = ("all", "ipv4", "ipv6")
_USED = re.compile(r"\$[{(]?([A-Za-z0-9_]+)")
_MAP_PREFIX = re.compile(r"(?:ldap|mysql|pgsql|sqlite|memcache):([A-Za-z0-9_]+)")


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    settings = [(s, MAIN) for s in system.main if system.main.line(s.name) == s.line]
    settings += [(s, MASTER) for service in system.services for s in service.overrides]
    classes = frozenset(split_list(system.main.value("smtpd_restriction_classes")))
    mentioned = {name for s, _file in settings for name in _USED.findall(s.value)}
    prefixes = tuple(f"{name}_" for s, _file in settings for name in _MAP_PREFIX.findall(s.value))
    yield from _services(system, any("proxy:" in s.value for s, _file in settings))
    for setting, file in settings:
        if setting.name == "config_directory" and file == MAIN:
            continue
        if not _known(setting.name, classes | mentioned, prefixes, file):
            reason = _("Postfix has no parameter “{name}”.", name=setting.name)
            reason += nearest(setting.name, parameters())
            yield error("unknown_parameter", "postfix", file, setting.line, reason)
            continue
        value = _expanded(system, setting, file)
        if value is not None:
            yield from _value(setting, value, file)
            if _RESTRICTION_LISTS.fullmatch(setting.name) or setting.name in classes:
                yield from _restrictions(value, classes, file, setting.line)
                yield from _without_owners(system, value, file, setting.line)


def _without_owners(system: System, value: str, file: str, line: int) -> Iterator[Finding]:
    """Whose address it is, is asked of a table; without one the restriction holds for nobody or for everybody."""
    owners = any(item.endswith("sender_login_mismatch") for item in split_list(value))
    if owners and not system.main.value("smtpd_sender_login_maps"):
        reason = _("“{key}” is missing", key="smtpd_sender_login_maps")
        yield error("sender_forgery", "postfix", file, line, reason)


def _services(system: System, proxied: bool) -> Iterator[Finding]:
    there = {service.name for service in system.services}
    for name in (*_SERVICES, "proxymap") if proxied else _SERVICES:
        if there and name not in there:
            reason = _("Postfix's own service “{name}” is missing.", name=name) + nearest(name, there)
            yield error("service_missing", "postfix", MASTER, None, reason)


@lru_cache(maxsize=1)
def parameters() -> dict[str, str]:
    """Each name with the kind of its value: boolean, number, time or text."""
    found: dict[str, str] = {}
    for line in _DATA.read_text(encoding="ascii").splitlines():
        kind, colon, names = line.partition(": ")
        if colon and not line.startswith("#"):
            found |= dict.fromkeys(names.split(), kind)
    return found


def is_parameter(name: str) -> bool:
    """Whether Postfix itself has the parameter, for all or for one transport."""
    return name in parameters() or _PER_TRANSPORT.fullmatch(name) is not None


def _known(name: str, own: frozenset[str] | set[str], prefixes: tuple[str, ...], file: str) -> bool:
    if is_parameter(name) or name in own:
        return True
    # A service may have names of its own, used by nothing that is seen here (`-o user_…`), as Debian's examples do.
    return name.startswith(prefixes) or (file == MASTER and name.startswith("mua_"))


def _expanded(system: System, setting: Setting, file: str) -> str | None:
    """The value, or None where a macro stands whose compiled-in value is not known here."""
    if any(name not in system.main for name in _USED.findall(setting.value)):
        return None
    if file == MAIN:
        return system.main.value(setting.name)
    service = next(s for s in system.services if s.overrides.line(setting.name) == setting.line)
    return system.setting(service, setting.name)


def _value(setting: Setting, value: str, file: str) -> Iterator[Finding]:
    reason = _why_wrong(setting.name, value)
    if reason:
        yield error("wrong_value", "postfix", file, setting.line, f"{setting.name}: {reason}")


def _why_wrong(name: str, value: str) -> str:
    kind = parameters().get(name, "text")
    if kind == "boolean" and value.lower() not in ("yes", "no"):
        return _("“{value}” is neither yes nor no", value=value)
    if kind == "number" and not re.fullmatch(r"-?\d+", value):
        return _("“{value}” is not a whole number", value=value)
    if kind == "time" and not re.fullmatch(r"\d+[smhdw]?", value):
        return _("“{value}” is not a time such as 30s, 5m, 1h, 1d or 1w", value=value)
    if name in _ENUMERATED and value and value not in _ENUMERATED[name]:
        allowed = _ENUMERATED[name]
        return _("“{value}” is not one of: {choices}.", value=value, choices=", ".join(allowed)) + nearest(
            value, allowed
        )
    if name == "compatibility_level" and not re.fullmatch(r"\d+(?:\.\d+){0,2}", value):
        return _("“{value}” is not a level such as 3.6", value=value)
    return _wrong_list(name, value)


def _wrong_list(name: str, value: str) -> str:
    items = split_list(value)
    if _PROTOCOL_LISTS.fullmatch(name):
        for item in items:
            bare = re.sub(r"^(?:!|>=|<=)\s*", "", item)
            if bare and bare not in _PROTOCOLS and not re.fullmatch(r"0x[0-9a-fA-F]+|\d+", bare):
                return _("“{value}” is not a version of TLS.", value=bare) + nearest(bare, _PROTOCOLS)
    if name == "inet_protocols":
        for item in items:
            if item not in _INTERNET:
                return _("“{value}” is not one of: {choices}.", value=item, choices=", ".join(_INTERNET))
    wrong = next((item for item in items if item not in _SASL_FLAGS), "") if _SASL_OPTIONS.fullmatch(name) else ""
    if wrong:
        return _("unknown value “{value}”.", value=wrong) + nearest(wrong, _SASL_FLAGS)
    if _CIPHER_GRADES.fullmatch(name) and value and value not in ("export", "low", "medium", "high", "null"):
        return _("“{value}” is not one of: {choices}.", value=value, choices="export, low, medium, high, null")
    return ""


def _restrictions(value: str, classes: frozenset[str], file: str, line: int) -> Iterator[Finding]:
    words = iter(split_list(value))
    for word in words:
        name = word.lower()
        if name in _RESTRICTIONS or word in classes:
            if _WITH_ARGUMENT.fullmatch(name) and next(words, None) is None:
                reason = _("{name} needs an argument", name=word)
                yield error("unknown_restriction", "postfix", file, line, reason)
        # An access table or a reply may stand there by itself; other words are names of restrictions.
        elif not re.match(r"(?:proxy:)?[a-z]+:|[45]\d\d$|[45]\.\d+\.\d+$", word):
            reason = _("Postfix has no restriction “{name}”.", name=word) + nearest(name, _RESTRICTIONS | classes)
            yield error("unknown_restriction", "postfix", file, line, reason)
