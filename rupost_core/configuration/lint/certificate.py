"""Certificates, keys and DH groups as the generation holds them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from rupost_core.certificates import dhparam
from rupost_core.certificates.expiry import WARN_DAYS
from rupost_core.certificates.material import belongs, does_not_belong, read_chain, read_material
from rupost_core.certificates.verification import MIN_RSA_BITS
from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import DOVECOT, MAIN, System
from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _


@dataclass(frozen=True)
class _Use:
    """Where a daemon names its files: certificate, key and DH group, each a path or ""."""

    component: str
    file: str
    line: int | None
    chain: str
    key: str


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for use in _uses(system):
        pair = (use.chain, use.key)
        if pair not in seen and all(pair):
            seen.add(pair)
            yield from _pair(system, facts, use)
    yield from _groups(system)


def _uses(system: System) -> Iterator[_Use]:
    main = system.main
    if main.value("smtpd_tls_cert_file"):
        chain = main.value("smtpd_tls_cert_file")
        key = main.value("smtpd_tls_key_file") or chain
        yield _Use("postfix", MAIN, main.line("smtpd_tls_cert_file"), chain, key)
    for section in system.dovecot.walk():
        if "ssl_cert" in section.files:
            yield _Use(
                "dovecot", DOVECOT, section.line_of("ssl_cert"), section.get("ssl_cert"), section.get("ssl_key")
            )
    for block in system.nginx.walk():
        named, its_key = block.first("ssl_certificate"), block.first("ssl_certificate_key")
        if named and its_key:
            yield _Use("nginx", named.file, named.line, named.value, its_key.value)


def _pair(system: System, facts: HostFacts, use: _Use) -> Iterator[Finding]:
    chain_path, key_path = system.generation_path(use.chain), system.generation_path(use.key)
    chain_file, key_file = system.files.get(chain_path or ""), system.files.get(key_path or "")
    if chain_file is None or key_file is None:
        return  # outside the generation, or missing, which another rule says
    file = (chain_file.component, chain_file.path, 1)
    try:
        certificates = read_chain(chain_file.content.encode())
    except CertificateError as problem:
        yield error("certificate", *file, problem.message)
        return
    leaf = certificates[0]
    try:
        key = read_material(chain_file.content.encode(), key_file.content.encode()).key
    except CertificateError as problem:
        yield error("certificate", key_file.component, key_file.path, 1, problem.message)
        return
    if key is None or not belongs(key, leaf):
        yield error("certificate", *file, does_not_belong(leaf).message)
        return
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        reason = _("The RSA key has {bits} bits; {least} is the least that clients accept.",
                   bits=key.key_size, least=MIN_RSA_BITS)  # fmt: skip
        yield error("certificate", *file, reason)
        return
    yield from _dates(facts, leaf, file)
    yield from _names(system, facts, leaf, file)
    yield from _chain(certificates, file)


_Place = tuple[str, str, int]


def _dates(facts: HostFacts, leaf: x509.Certificate, file: _Place) -> Iterator[Finding]:
    expires = leaf.not_valid_after_utc
    if expires <= facts.now:
        reason = _("the certificate expired on {date:%Y-%m-%d}", date=expires)
        yield error("certificate_expired", *file, reason)
    elif expires <= facts.now + timedelta(days=WARN_DAYS):
        reason = _("the certificate expires on {date:%Y-%m-%d}", date=expires)
        yield warning("certificate_expires", *file, reason)
    if leaf.not_valid_before_utc > facts.now:
        reason = _("the certificate is not valid before {date:%Y-%m-%d %H:%M} UTC", date=leaf.not_valid_before_utc)
        yield error("certificate_not_yet", *file, reason)


def _names(system: System, facts: HostFacts, leaf: x509.Certificate, file: _Place) -> Iterator[Finding]:
    have = _dns_names(leaf)
    hosts = dict.fromkeys([*facts.mail_hosts, *filter(None, [system.main.value("myhostname")])])
    # Nobody expects a self-signed certificate to be believed by its name.
    severity = warning if leaf.issuer == leaf.subject else error
    missing = [host for host in hosts if not _covered(host, have)]
    if missing:
        reason = _("the certificate does not hold the name {name}", name=", ".join(missing))
        yield severity("certificate_name", *file, reason)
    automatic = [f"{name}.{domain}" for domain in facts.domains for name in ("autoconfig", "autodiscover")]
    missing = [host for host in automatic if not _covered(host, have)]
    if missing:
        reason = _("the certificate does not hold {names}: mail programs find their settings less well",
                   names=", ".join(missing))  # fmt: skip
        yield warning("certificate_autoconfig", *file, reason)


def _dns_names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def _covered(host: str, names: list[str]) -> bool:
    """RFC 6125: a wildcard stands for the whole left-most label."""
    return host.lower() in names or "*." + host.lower().partition(".")[2] in names


def _chain(certificates: tuple[x509.Certificate, ...], file: _Place) -> Iterator[Finding]:
    for lower, upper in itertools.pairwise(certificates):
        if lower.issuer != upper.subject:
            reason = _("the chain is out of order: {issuer} is expected behind {subject}",
                       issuer=lower.issuer.rfc4514_string(), subject=lower.subject.rfc4514_string())  # fmt: skip
            yield error("certificate_chain", *file, reason)
            return
    leaf = certificates[0]
    weak = isinstance(leaf.signature_hash_algorithm, hashes.SHA1 | hashes.MD5)
    if weak and leaf.issuer != leaf.subject:
        yield error("certificate_weak", *file, _("the certificate is signed with SHA-1 or MD5"))


def _groups(system: System) -> Iterator[Finding]:
    named = [system.main.value("smtpd_tls_dh1024_param_file"), system.dovecot.get("ssl_dh")]
    named += [directive.value for directive in system.nginx.walk() if directive.name == "ssl_dhparam"]
    for path in dict.fromkeys(filter(None, map(system.generation_path, named))):
        if path in system.files:
            try:
                dhparam.read(system.files[path].content.encode())
            except CertificateError as problem:
                yield error("dh_group", system.files[path].component, path, 1, problem.message)
