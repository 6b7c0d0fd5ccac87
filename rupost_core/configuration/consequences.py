"""What a change of files means beyond its lines: security, ports, and the certificate. Pure.

Which settings matter to security is said once, below, by component; a plan shows them apart from the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from rupost_core.configuration.lint import HostFacts, listeners, system
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.settings_view import SettingKey, settings_of
from rupost_core.secret import HIDDEN

CERTIFICATE = "tls/mail.crt"

# Who may send, sign in, listen, read in clear text, or be believed to be somebody else.
_SECURITY = {
    "postfix": re.compile(
        r"mynetworks\w*|inet_interfaces|relay_?host|relay_domains|relay_\w*_maps|\w+_restrictions|\w*permit\w*|\w*tls\w*"
        r"|\w*sasl\w*|smtpd_forbid_\w+|smtpd_upstream_proxy_\w+|smtpd_authorized_\w+|smtpd_\w*sender\w*|\w*milter\w*"
        r"|content_filter|mydestination|virtual_\w+_domains|\w*transport\w*|disable_vrfy_command|chroot|program"
        r"|receive_override_options|strict_rfc821_envelopes"
    ),
    "dovecot": re.compile(
        r"ssl\w*|disable_plaintext_auth|auth_\w+|haproxy\w*|login_trusted_networks|driver|args|(first|last)_valid_\w+"
        r"|mail_(uid|gid|access_groups|privileged_group)|mode|user|group|address|port|deny|master|protocols"
    ),
    "nginx": re.compile(
        r"ssl\w*|listen|allow|deny|auth_\w+|set_real_ip_from|real_ip_header|proxy_(pass|protocol|ssl\w*)|user|root|alias"
        r"|add_header|load_module|satisfy|limit_\w+"
    ),
    "haproxy": re.compile(
        r"bind|server|acl|use_backend|stats|user|group|chroot|peer|(tcp|http)-request|ssl-\S+|crt-base|ca-base|stick"
    ),
    "sogo": re.compile(
        r"SOGoSuperUsernames|SOGoMaximumFailed\w+|SOGoFailedLogin\w+|SOGoTrustProxyAuthentication|SOGo\w*Auth\w*"
        r"|WOPort|SOGoAddressBookDAVAccessEnabled|hostname|encryption|bind\w*|canAuthenticate|filter|type|baseDN"
        r"|SOGo(IMAP|SMTP|Sieve)Server|SOGoXSRF\w*|SOGoCreateIdentities\w*|SOGoMailCustomFromEnabled"
    ),
    "memcached": re.compile(r"-[lpusUSBY]"),
}


@dataclass(frozen=True)
class SecurityChange:
    """A setting that matters to security, with its old and new value ("" where it is absent on that side)."""

    component: str
    file: str
    setting: str
    before: str
    after: str


@dataclass(frozen=True)
class PortChange:
    """A TCP port that a component opens or closes; `host` is an address, or "" for all of the node's."""

    change: Literal["opened", "closed"]
    port: int
    host: str
    component: str


@dataclass(frozen=True)
class ServedCertificate:
    """The certificate that clients will see; times are ISO 8601, the fingerprint is SHA-256 in hexadecimal."""

    subject: str
    not_after: str
    fingerprint: str


@dataclass(frozen=True)
class CertificateChange:
    """None where there is none, or none that can be read."""

    before: ServedCertificate | None
    after: ServedCertificate | None


def security_changes(old: tuple[RenderedFile, ...], new: tuple[RenderedFile, ...]) -> tuple[SecurityChange, ...]:
    """The settings that matter to security and differ, and files whose owner or rights differ; by file."""
    before, after = settings_of(old), settings_of(new)
    secret = {file.path for file in (*old, *new) if file.secret}
    found = [
        SecurityChange(
            key.component,
            key.file,
            " › ".join(part for part in key.path if part),
            _shown(before.get(key, ()), secret=key.file in secret),
            _shown(after.get(key, ()), secret=key.file in secret),
        )
        for key in before | after
        if before.get(key) != after.get(key) and _matters(key)
    ]
    return tuple(sorted([*found, *_rights(old, new)], key=lambda change: (change.file, change.setting)))


def port_changes(
    old: tuple[RenderedFile, ...], new: tuple[RenderedFile, ...], facts: HostFacts
) -> tuple[PortChange, ...]:
    """The TCP ports of this node that daemons begin or cease to listen on."""
    before, after = _ports(old, facts), _ports(new, facts)
    opened = [PortChange("opened", *port) for port in sorted(after - before)]
    return (*opened, *(PortChange("closed", *port) for port in sorted(before - after)))


def certificate_change(old: Iterable[RenderedFile], new: Iterable[RenderedFile]) -> CertificateChange | None:
    """None when clients go on seeing the same certificate."""
    before, after = _certificate(old), _certificate(new)
    return None if before == after else CertificateChange(before, after)


def _ports(files: tuple[RenderedFile, ...], facts: HostFacts) -> set[tuple[int, str, str]]:
    return {(one.port, one.host, one.component) for one in listeners.every(system.read(files, facts), facts)}


def _matters(key: SettingKey) -> bool:
    pattern = _SECURITY.get(key.component)
    # Files in no language of ours are keys, certificates and maps: all of them matter.
    return pattern is None or key.name == "" or pattern.fullmatch(key.name) is not None


def _rights(old: tuple[RenderedFile, ...], new: tuple[RenderedFile, ...]) -> Iterable[SecurityChange]:
    before = {file.path: file for file in old}
    for file in new:
        former = before.get(file.path)
        if former and _attributes(former) != _attributes(file):
            yield SecurityChange(file.component, file.path, "", _attributes(former), _attributes(file))


def _attributes(file: RenderedFile) -> str:
    return f"{file.owner}:{file.group} {file.mode:04o}"


def _shown(values: tuple[str, ...], *, secret: bool) -> str:
    if not values:
        return ""
    if secret:
        return HIDDEN
    text = "; ".join(values)
    # A whole file, or a very long list: that it differs is the news, its lines are in the difference.
    return text if "\n" not in text and len(text) <= 300 else f"{text[:60].splitlines()[0]}…"


def _certificate(files: Iterable[RenderedFile]) -> ServedCertificate | None:
    text = next((file.content for file in files if file.path == CERTIFICATE), "")
    try:
        leaf = x509.load_pem_x509_certificates(text.encode())[0]
    except ValueError:
        return None
    return ServedCertificate(
        leaf.subject.rfc4514_string(), leaf.not_valid_after_utc.isoformat(), leaf.fingerprint(hashes.SHA256()).hex()
    )
