"""Keys and requests for certificates (PKCS#10, RFC 2986)."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from rupost_core.certificates.model import PrivateKey, general_name
from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _

KeyKind = Literal["ec:p256", "ec:p384", "rsa:2048", "rsa:3072", "rsa:4096"]
KEY_KINDS: tuple[KeyKind, ...] = get_args(KeyKind)
DEFAULT_KEY: KeyKind = "ec:p256"

_CURVES: dict[str, ec.EllipticCurve] = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
_COMMON_NAME_LENGTH = 64  # RFC 5280 appendix A, ub-common-name
_ORGANIZATION_LENGTH = 64


def make_key(kind: KeyKind) -> PrivateKey:
    """An RSA key of 4096 bits takes about a second."""
    family, _colon, size = kind.partition(":")
    if family == "ec":
        return ec.generate_private_key(_CURVES[size])
    return rsa.generate_private_key(65537, int(size))


def check_hosts(names: list[str], *, wildcards: bool = True) -> tuple[str, ...]:
    """Host names in lower case, in ASCII (xn--…), and IP addresses; each once. Raises CertificateError."""
    found = dict.fromkeys(_host(name.strip(), wildcards) for name in names if name.strip())
    if not found:
        raise CertificateError(
            _("No name was given."), hint=_("Example: --names mail.example.ru,autoconfig.example.ru")
        )
    return tuple(found)


def make_request(names: tuple[str, ...], organization: str, key: PrivateKey) -> x509.CertificateSigningRequest:
    """The first name becomes the common name, where it is short enough; all of them subjectAltName."""
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    if len(names[0]) <= _COMMON_NAME_LENGTH:
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, names[0]))
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )


def check_organization(name: str) -> str:
    if len(name) > _ORGANIZATION_LENGTH or not name.isprintable():
        raise CertificateError(
            _("The organization's name cannot stand in a certificate."),
            hint=_("At most {most} printable characters.", most=_ORGANIZATION_LENGTH),
        )
    return name


def to_pem(request: x509.CertificateSigningRequest) -> str:
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _host(name: str, wildcards: bool) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        ascii_name = name.lower().rstrip(".") if name.isascii() else name.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    if len(ascii_name) > 253 or not _HOST.fullmatch(ascii_name):
        raise CertificateError(_("“{name}” is no host name.", name=name), hint=_("Example: mail.example.ru"))
    if ascii_name.startswith("*") and not wildcards:
        raise CertificateError(
            _("“{name}” cannot be proven over HTTP: only DNS can prove a wildcard.", name=name),
            hint=_("Name each host, or order the certificate by hand: rupost cert csr"),
        )
    return ascii_name
