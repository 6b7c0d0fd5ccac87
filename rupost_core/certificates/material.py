"""Reading what an administrator brings: a certificate chain and its key, in PEM, DER or PKCS#12, encrypted or not.

Sources: RFC 7468 (PEM), RFC 7292 (PKCS#12), RFC 5958 (encrypted keys).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from rupost_core.certificates.model import PrivateKey, distinguished_name, public_bytes
from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _

# Asked only when something turns out to be encrypted.
Password = Callable[[], bytes]

_CERTIFICATE_MARK = b"-----BEGIN CERTIFICATE-----"
_KEY_MARK = b"PRIVATE KEY-----"
_DER_SEQUENCE = b"\x30"


@dataclass(frozen=True)
class Material:
    """A chain as it stands in the file, the server's certificate first, and its key, or None where none was given.

    `was_encrypted`: the key was, and is no longer.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey | None
    was_encrypted: bool = False


def no_password() -> bytes:
    """For a caller that has none to give."""
    raise CertificateError(
        _("The private key is encrypted."), hint=_("Give its password with --key-password-file FILE.")
    )


def read_material(certificate: bytes, key: bytes | None = None, password: Password = no_password) -> Material:
    """Both files as they are; the key may stand in the first one too. Raises CertificateError."""
    if b"-----BEGIN" not in certificate and certificate.startswith(_DER_SEQUENCE):
        return _read_binary(certificate, key, password)
    chain = read_chain(certificate)
    if key is None and _KEY_MARK in certificate:
        key = certificate
    if key is None:
        return Material(chain, None)
    opened, was_encrypted = _read_key(key, password)
    return Material(chain, opened, was_encrypted)


def read_chain(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, in its order."""
    if _CERTIFICATE_MARK not in pem:
        raise _no_certificate(_("it has no line -----BEGIN CERTIFICATE-----"))
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem))
        for certificate in chain:
            _touch(certificate)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_certificate(error) from error
    return chain


def _touch(certificate: x509.Certificate) -> None:
    """Reads what the library reads only when it is asked: a broken certificate is refused here, not later."""
    for part in ("extensions", "subject", "issuer"):
        getattr(certificate, part)


def _read_binary(certificate: bytes, key: bytes | None, password: Password) -> Material:
    try:
        chain = (x509.load_der_x509_certificate(certificate),)
    except ValueError:
        return _read_pkcs12(certificate, password)
    if key is None:
        return Material(chain, None)
    opened, was_encrypted = _read_key(key, password)
    return Material(chain, opened, was_encrypted)


def _read_pkcs12(content: bytes, password: Password) -> Material:
    was_encrypted = False
    try:
        bundle = pkcs12.load_pkcs12(content, None)
    except (ValueError, UnsupportedAlgorithm):
        was_encrypted = True
        try:
            bundle = pkcs12.load_pkcs12(content, password())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise CertificateError(
                _("The PKCS#12 file does not open: {reason}", reason=error),
                hint=_("Check the password, and that the file is whole."),
            ) from error
    if bundle.cert is None:
        raise _no_certificate(_("the PKCS#12 file holds none that belongs to its key"))
    chain = _linked(bundle.cert.certificate, [one.certificate for one in bundle.additional_certs])
    return Material(chain, _supported(bundle.key) if bundle.key is not None else None, was_encrypted)


def _linked(leaf: x509.Certificate, others: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """PKCS#12 knows no order: each certificate is followed by its issuer."""
    chain = [leaf]
    while chain[-1].subject != chain[-1].issuer:
        issuer = next((one for one in others if one.subject == chain[-1].issuer and one not in chain), None)
        if issuer is None:
            break
        chain.append(issuer)
    return tuple(chain)


def _read_key(content: bytes, password: Password) -> tuple[PrivateKey, bool]:
    load = serialization.load_pem_private_key
    if b"-----BEGIN" not in content and content.startswith(_DER_SEQUENCE):
        load = serialization.load_der_private_key
    try:
        return _supported(load(content, None)), False
    except TypeError:
        pass  # encrypted, as the library says it
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(error) from error
    try:
        return _supported(load(content, password())), True
    except (ValueError, TypeError) as error:
        raise CertificateError(
            _("The private key does not open with this password."), hint=_("Check the password.")
        ) from error
    except UnsupportedAlgorithm as error:
        raise _no_key(error) from error


def _supported(key: object) -> PrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CertificateError(
            _("The key is neither RSA nor EC."), hint=_("Mail clients accept RSA and EC keys only.")
        )
    return key


def belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    """Whether the key is the certificate's own."""
    try:
        return public_bytes(certificate.public_key()) == public_bytes(key.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return False


def does_not_belong(certificate: x509.Certificate) -> CertificateError:
    return CertificateError(
        _("The private key does not belong to the certificate of {subject}.",
          subject=distinguished_name(certificate.subject)),
        hint=_("Check --cert-path and --key-path; the server's own certificate must come first in the file."),
    )  # fmt: skip


def _no_certificate(reason: object) -> CertificateError:
    return CertificateError(
        _("The file holds no certificate that can be read: {reason}", reason=reason),
        hint=_("PEM, DER and PKCS#12 are read. A PEM certificate begins with -----BEGIN CERTIFICATE-----."),
    )


def _no_key(reason: object) -> CertificateError:
    return CertificateError(
        _("The file holds no private key that can be read: {reason}", reason=reason),
        hint=_("A PEM key begins with -----BEGIN PRIVATE KEY-----."),
    )
