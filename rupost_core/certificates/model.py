"""Certificates as values: what is stored and shown of them, and self-signed ones.

Sources: RFC 5280 (certificates), RFC 7468 (PEM), manual 2.12.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _

Kind = Literal["mail", "control_panel"]
Source = Literal["builtin", "added", "acme"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KINDS: tuple[Kind, ...] = ("mail", "control_panel")
BUILTIN_NAMES: dict[Kind, str] = {"mail": "rupost-builtin", "control_panel": "rupost-control-panel-builtin"}
_SELF_SIGNED_DAYS = 825


@dataclass(frozen=True)
class Certificate:
    """What is shown of a stored certificate; times are UTC. The key is not here.

    The one of its kind with the latest `used_since` serves. `anchor_pem` is the root that the chain ends in, where it
    is not part of the chain itself.
    """

    name: str
    kind: Kind
    subject: str
    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    chain_pem: str
    builtin: bool
    added_by: str
    added_at: datetime
    source: Source = "added"
    used_since: datetime | None = None
    anchor_pem: str = ""


@dataclass(frozen=True)
class SigningRequest:
    """A request that waits for its certificate; the key that belongs to it is kept beside it, sealed."""

    name: str
    names: tuple[str, ...]
    request_pem: str
    added_by: str
    added_at: datetime | None = None


@dataclass(frozen=True)
class Parsed:
    """The first certificate of a PEM chain and what it says; with the key, unsealed."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    chain_pem: str
    key_pem: str


def described(chain: Sequence[x509.Certificate], key: PrivateKey) -> Parsed:
    """What is stored of a chain and its key; nothing is checked here (see verification.py)."""
    leaf = chain[0]
    return Parsed(
        subject=distinguished_name(leaf.subject),
        names=names_of(leaf),
        issuer=distinguished_name(leaf.issuer),
        serial=f"{leaf.serial_number:x}",
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        chain_pem="".join(certificate_to_pem(certificate) for certificate in chain),
        key_pem=key_to_pem(key),
    )


def self_signed(common_name: str, alternative_names: list[str], now: datetime) -> tuple[bytes, bytes]:
    """(certificate, key) in PEM: EC P-256, valid from an hour ago for 825 days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName([general_name(n) for n in alternative_names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key_to_pem(key).encode()


def key_to_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def certificate_to_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def public_bytes(key: object) -> bytes:
    """A public key's SubjectPublicKeyInfo in DER: equal for equal keys."""
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form)  # type: ignore[attr-defined,no-any-return]


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in extension.value if isinstance(name, x509.DNSName | x509.IPAddress))


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def distinguished_name(name: x509.Name) -> str:
    """RFC 4514: `CN=mail.example.ru,O=Example`."""
    return name.rfc4514_string()


_CERTIFICATE_NAME = re.compile(r"[\w.-]{1,100}")


def check_name(name: str) -> str:
    """A certificate's name in the database: letters, digits, `_`, `-` and `.`."""
    if not _CERTIFICATE_NAME.fullmatch(name):
        raise CertificateError(
            _("“{name}” cannot be a certificate's name.", name=name),
            hint=_("Use letters, digits, “_”, “-” and “.”, at most 100 of them."),
        )
    return name
