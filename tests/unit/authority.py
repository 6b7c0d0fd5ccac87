"""A certificate authority for tests: chains of every shape, right and wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: object

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key_in(serialization.NoEncryption())

    def key_in(self, encryption, form=serialization.PrivateFormat.PKCS8) -> bytes:
        return self.key.private_bytes(serialization.Encoding.PEM, form, encryption)


def issue(
    name, issuer=None, *, ca=False, key=None, names=("mail.test",), start=NOW - DAY, end=NOW + 300 * DAY,
    usage=SERVER, path_length=None, digest=hashes.SHA256, sign_with=None, constraints=True, key_usage=None,
) -> Issued:  # fmt: skip
    """`issuer` None: signed with its own key. `sign_with` signs instead of the issuer's key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length if ca else None), True)
    if names and not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    if usage and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), False)
    if key_usage is not None:
        builder = builder.add_extension(key_usage, True)
    signer = sign_with or (issuer.key if issuer else key)
    return Issued(builder.sign(signer, digest()), key)
