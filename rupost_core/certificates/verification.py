"""Whether a chain and its key will do: what clients and daemons check, before any of them does. Pure.

Sources: RFC 5280 (paths, extensions), RFC 8446 4.4.2 (order on the wire), RFC 6125 (names), RFC 9155 (SHA-1 and MD5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from rupost_core.certificates.chain import Link, follow
from rupost_core.certificates.material import Material, belongs, does_not_belong
from rupost_core.certificates.model import distinguished_name, names_of
from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _

Outcome = Literal["ok", "warning", "error"]
MIN_RSA_BITS = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")
_WEAK_HASHES = ("md5", "sha1")
_WARN_BEFORE = timedelta(days=30)
E = TypeVar("E", bound=x509.ExtensionType)


@dataclass(frozen=True)
class Finding:
    """One check as it ended. `check` is its stable name for scripts."""

    check: str
    outcome: Outcome
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Expectation:
    """What a certificate is held against. `now` is UTC.

    `names` should all be in the certificate; `anchors` are the roots that clients trust. With `anchor_needed` false a
    chain that ends below an unknown root is only warned of (its issuer was trusted in another way).
    """

    now: datetime
    anchors: Sequence[x509.Certificate] = ()
    names: tuple[str, ...] = ()
    anchor_needed: bool = True


@dataclass(frozen=True)
class Verdict:
    """`anchor` is the trusted root that the chain leads to, where it is not in the chain itself."""

    findings: tuple[Finding, ...]
    anchor: x509.Certificate | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        return not any(finding.outcome == "error" for finding in self.findings)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.outcome == "warning")

    def require(self) -> None:
        """Raises CertificateError for the first error, the others as its details."""
        errors = [finding for finding in self.findings if finding.outcome == "error"]
        if errors:
            raise CertificateError(
                errors[0].message, hint=errors[0].hint, details=[error.message for error in errors[1:]]
            )


def examine(material: Material, expected: Expectation) -> Verdict:
    """Every check, in the order in which people want to read them; without a key its match is left out."""
    link = follow(material.chain, expected.anchors)
    findings = [
        *_key_match(material),
        *_leaf(material.chain[0]),
        *_keys(material.chain),
        *_signature_hashes(material.chain),
        *_chain(link, material.chain, expected),
        *_dates(material.chain, expected.now),
        *_purpose(material.chain[0]),
        *_names(material.chain[0], expected.names),
    ]
    return Verdict(tuple(findings), link.anchor)


def _key_match(material: Material) -> Iterator[Finding]:
    if material.key is None:
        return
    if belongs(material.key, material.chain[0]):
        yield Finding("key_match", "ok", _("the key belongs to the certificate"))
    else:
        error = does_not_belong(material.chain[0])
        yield Finding("key_match", "error", error.message, error.hint)


def _leaf(leaf: x509.Certificate) -> Iterator[Finding]:
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield Finding(
            "leaf", "error",
            _("The first certificate, {subject}, is an authority's (CA:TRUE), not a server's.",
              subject=distinguished_name(leaf.subject)),
            _("The server's own certificate must come first in the file. A self-signed one must be made with "
              "basicConstraints=CA:FALSE."),
        )  # fmt: skip
    else:
        yield Finding("leaf", "ok", _("a server's certificate: {subject}", subject=distinguished_name(leaf.subject)))


def _keys(chain: Sequence[x509.Certificate]) -> Iterator[Finding]:
    bad = list(_bad_keys(chain))
    yield from bad
    if not bad:
        yield Finding("key_strength", "ok", _("the key: {kind}", kind=key_kind(chain[0])))


def _bad_keys(chain: Sequence[x509.Certificate]) -> Iterator[Finding]:
    for certificate in chain:
        subject = distinguished_name(certificate.subject)
        order = _("Order a certificate with an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521.")
        try:
            key = certificate.public_key()
        except (UnsupportedAlgorithm, ValueError):
            oid = certificate.public_key_algorithm_oid.dotted_string
            message = _("The key of {subject} is of a kind that mail clients do not know ({oid}).",
                        subject=subject, oid=oid)  # fmt: skip
            yield Finding("key_strength", "error", message, order)
            continue
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
            message = _("The RSA key of {subject} has {bits} bits; {least} is the least that clients accept.",
                        subject=subject, bits=key.key_size, least=MIN_RSA_BITS)  # fmt: skip
            yield Finding("key_strength", "error", message, order)
        elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in CURVES:
            message = _("The EC key of {subject} is on the curve {curve}, which clients do not accept.",
                        subject=subject, curve=key.curve.name)  # fmt: skip
            yield Finding("key_strength", "error", message, order)
        elif not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            message = _("The key of {subject} is neither RSA nor EC.", subject=subject)
            yield Finding("key_strength", "error", message, order)


def key_kind(certificate: x509.Certificate) -> str:
    """`RSA 3072`, `EC secp256r1`, or the dotted number of a kind that is not known here."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return certificate.public_key_algorithm_oid.dotted_string
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the whole certificate, in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _signature_hashes(chain: Sequence[x509.Certificate]) -> Iterator[Finding]:
    """A root's signature of itself proves nothing and is not checked by anybody."""
    weak = []
    for number, certificate in enumerate(chain):
        name = hash_name(certificate)
        if name in _WEAK_HASHES and (number == 0 or certificate.subject != certificate.issuer):
            weak.append((certificate, name))
    for certificate, name in weak:
        yield Finding(
            "signature", "error",
            _("The certificate of {subject} is signed with {hash}, which clients refuse.",
              subject=distinguished_name(certificate.subject), hash=name.upper().replace("SHA1", "SHA-1")),
            _("Ask the authority for one that is signed with SHA-256 or better."),
        )  # fmt: skip
    if not weak:
        yield Finding("signature", "ok", _("no signature uses MD5 or SHA-1"))


def hash_name(certificate: x509.Certificate) -> str:
    """`sha256`; empty where the signature uses none or an unknown one."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return ""
    return algorithm.name if algorithm is not None else ""


def _chain(link: Link, chain: Sequence[x509.Certificate], expected: Expectation) -> Iterator[Finding]:
    if link.broken:
        yield Finding("chain", "error", link.broken, link.hint)
    elif link.missing and expected.anchor_needed:
        yield Finding("chain", "error", link.missing, link.hint)
    elif link.missing:
        yield Finding(
            "chain", "warning",
            _("The root of the chain, {root}, is not known on this node.",
              root=distinguished_name(chain[-1].issuer)),
            _("See to it that people's programs trust it."),
        )  # fmt: skip
    elif len(chain) == 1 and chain[0].subject == chain[0].issuer:
        yield Finding(
            "chain", "warning", _("The certificate is self-signed: clients will warn of it."),
            _("Order one from your organization's authority: rupost cert csr"),
        )  # fmt: skip
    else:
        root = link.anchor or chain[-1]
        yield Finding("chain", "ok", _("the chain is complete, in order, and ends in {root}",
                                       root=distinguished_name(root.subject)))  # fmt: skip


def _dates(chain: Sequence[x509.Certificate], now: datetime) -> Iterator[Finding]:
    leaf = chain[0]
    for number, certificate in enumerate(chain):
        subject = distinguished_name(certificate.subject)
        if certificate.not_valid_after_utc <= now:
            yield Finding(
                "dates", "error",
                _("The certificate of {subject} expired on {date:%Y-%m-%d}.",
                  subject=subject, date=certificate.not_valid_after_utc),
                _("Order a new one; clients would refuse this one."),
            )  # fmt: skip
        elif certificate.not_valid_before_utc > now:
            yield Finding(
                "dates", "error",
                _("The certificate of {subject} is not valid before {date:%Y-%m-%d %H:%M} UTC.",
                  subject=subject, date=certificate.not_valid_before_utc),
                _("Wait until then, or correct this node's clock."),
            )  # fmt: skip
        elif number and certificate.not_valid_after_utc < leaf.not_valid_after_utc:
            yield Finding(
                "dates", "warning",
                _("{subject} expires on {date:%Y-%m-%d}, before the certificate that it has issued.",
                  subject=subject, date=certificate.not_valid_after_utc),
            )  # fmt: skip
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        return
    left = leaf.not_valid_after_utc - now
    days = left.days
    if left < min(_WARN_BEFORE, (leaf.not_valid_after_utc - leaf.not_valid_before_utc) / 3):
        yield Finding("dates", "warning", _("It expires on {date:%Y-%m-%d}, in {days} days.",
                                            date=leaf.not_valid_after_utc, days=days))  # fmt: skip
    else:
        yield Finding("dates", "ok", _("valid until {date:%Y-%m-%d}, {days} days",
                                       date=leaf.not_valid_after_utc, days=days))  # fmt: skip


def _purpose(leaf: x509.Certificate) -> Iterator[Finding]:
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    if usage is None:
        yield Finding("purpose", "warning",
                      _("The certificate does not say that it is for servers (extendedKeyUsage serverAuth): Apple's "
                        "programs refuse it."))  # fmt: skip
        return
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage):
        yield Finding(
            "purpose", "error", _("The certificate is not for servers: its extendedKeyUsage lacks serverAuth."),
            _("Order one by the authority's template for web servers."),
        )  # fmt: skip
        return
    bits = _extension(leaf, x509.KeyUsage)
    if bits is not None and not bits.digital_signature:
        yield Finding("purpose", "error",
                      _("The certificate's keyUsage lacks digitalSignature, which TLS 1.3 needs."),
                      _("Order one by the authority's template for web servers."))  # fmt: skip
    else:
        yield Finding("purpose", "ok", _("it is for servers (serverAuth)"))


def _names(leaf: x509.Certificate, wanted: tuple[str, ...]) -> Iterator[Finding]:
    present = names_of(leaf)
    if not present:
        yield Finding("names", "warning",
                      _("The certificate names no host (subjectAltName): clients will refuse it."),
                      _("Order one with the names that clients use; its common name does not count."))  # fmt: skip
        return
    absent = [name for name in wanted if not any(covers(pattern, name) for pattern in present)]
    if absent:
        yield Finding(
            "names", "warning",
            _("The certificate does not name {absent}; it names {present}.",
              absent=", ".join(absent), present=", ".join(present)),
            _("Clients that connect by these names will warn of it."),
        )  # fmt: skip
    else:
        yield Finding("names", "ok", _("it names {present}", present=", ".join(present)))


def covers(pattern: str, name: str) -> bool:
    """RFC 6125: a `*` stands for the whole first label, and only for it."""
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if pattern == name:
        return True
    first, dot, rest = name.partition(".")
    return bool(first and dot) and pattern == f"*.{rest}" and "." in rest


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
