"""Certificates as values: reading PEM, what makes a certificate and its key fit, self-signed ones.

Sources: RFC 5280 (certificates), RFC 7468 (PEM), manual 2.12.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _

Kind = Literal["mail", "control_panel"]
KINDS: tuple[Kind, ...] = ("mail", "control_panel")
BUILTIN_NAMES: dict[Kind, str] = {"mail": "rupost-builtin", "control_panel": "rupost-control-panel-builtin"}
_MIN_RSA_BITS = 2048
_SELF_SIGNED_DAYS = 825


@dataclass(frozen=True)
class Certificate:
    """What is shown of a stored certificate; times are UTC. The key is not here."""

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


@dataclass(frozen=True)
class Parsed:
    """The first certificate of a PEM chain and what it says."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    chain_pem: str
    key_pem: str


def read_pair(chain_pem: bytes, key_pem: bytes, now: datetime) -> Parsed:
    """A certificate chain and its private key, both PEM, checked against each other and the time `now` (UTC).

    Raises CertificateError when either cannot be read, the key does not belong to the first certificate, the key is
    weak, or the certificate has expired.
    """
    chain = _read_chain(chain_pem)
    key = read_key(key_pem)
    leaf = chain[0]
    if _public_bytes(leaf.public_key()) != _public_bytes(key.public_key()):
        raise CertificateError(
            _("The private key does not belong to the certificate of {subject}.", subject=_dn(leaf.subject)),
            hint=_("Check --cert-path and --key-path; the server's own certificate must come first in the file."),
        )
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _MIN_RSA_BITS:
        raise CertificateError(
            _("The RSA key has {bits} bits; {least} is the least that clients accept.",
              bits=key.key_size, least=_MIN_RSA_BITS),
            hint=_("Order a certificate with a longer key."),
        )  # fmt: skip
    if leaf.not_valid_after_utc <= now:
        raise CertificateError(
            _("The certificate expired on {date:%Y-%m-%d}.", date=leaf.not_valid_after_utc),
            hint=_("Order a new one; clients would refuse this one."),
        )
    return Parsed(
        subject=_dn(leaf.subject),
        names=_names(leaf),
        issuer=_dn(leaf.issuer),
        serial=f"{leaf.serial_number:x}",
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        chain_pem="".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in chain),
        key_pem=_key_to_pem(key),
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
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in alternative_names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _key_to_pem(key).encode()


def _read_chain(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError(
            _("The file holds no certificate in PEM form: {reason}", reason=error),
            hint=_("Convert it: openssl x509 -inform DER -in FILE -out FILE.pem"),
        ) from error


def read_key(pem: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """A private key from PEM; raises CertificateError when it is encrypted, or neither RSA nor EC."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise CertificateError(
            _("The private key is encrypted."),
            hint=_("Take the passphrase off: openssl pkey -in FILE -out FILE.plain (and delete it afterwards)."),
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(
            _("The file holds no private key in PEM form: {reason}", reason=error),
            hint=_("A PEM key begins with -----BEGIN PRIVATE KEY-----."),
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CertificateError(
            _("The key is neither RSA nor EC."), hint=_("Mail clients accept RSA and EC keys only.")
        )
    return key


def _key_to_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public_bytes(key: object) -> bytes:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form)  # type: ignore[attr-defined,no-any-return]


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in extension.value if isinstance(name, x509.DNSName | x509.IPAddress))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _dn(name: x509.Name) -> str:
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
