"""Certificates, keys and Diffie-Hellman parameters that do not do, each made here to be what it is called."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dh, ec, rsa
from cryptography.x509.oid import NameOID

from tests.broken.model import Broken, Edit

CERTIFICATE, KEY, DH = "tls/mail.crt", "tls/mail.key", "tls/dhparam.pem"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def tls_faults(host: str, now: datetime, chain: str, key: str) -> Iterator[Broken]:
    """`host` is the name that the certificate must have; `chain` and `key` are the sound ones."""
    yield _fault("key of another certificate", {KEY: _pem(_new_key())}, (CERTIFICATE, KEY))
    yield _fault("certificate of another key", {CERTIFICATE: _certificate(_new_key(), host, now)}, (CERTIFICATE, KEY))
    yield _fault("swapped", {CERTIFICATE: key, KEY: chain}, (CERTIFICATE, KEY))
    yield _fault("the certificate for the key", {KEY: chain}, (KEY,))
    yield _fault("the key for the certificate", {CERTIFICATE: key}, (CERTIFICATE,))
    pairs = {
        "expired": (_new_key(), [host], -400, -2),
        "expired an hour ago": (_new_key(), [host], -90, -1 / 24),
        "not yet valid": (_new_key(), [host], 5, 100),
        "of another name": (_new_key(), ["mail.other.example"], -1, 90),
        "of a part of the name": (_new_key(), [host.partition(".")[2]], -1, 90),
        "of a misspelt name": (_new_key(), [f"x{host}"], -1, 90),
        "weak": (rsa.generate_private_key(65537, 1024), [host], -1, 90),  # noqa: S505
    }
    for detail, (pair_key, names, begin, end) in pairs.items():
        # Of an authority: of a self-signed one clients warn anyhow, whatever its names are.
        certificate = _certificate(pair_key, names[0], now, begin, end, issuer=_new_key())
        yield _fault(detail, {CERTIFICATE: certificate, KEY: _pem(pair_key)}, (CERTIFICATE, KEY))
    lines = chain.splitlines(keepends=True)
    yield _fault("truncated certificate", {CERTIFICATE: "".join(lines[: len(lines) // 3])}, (CERTIFICATE,))
    yield _fault(
        "a letter of the certificate", {CERTIFICATE: chain.replace(lines[3][:8], "AAAAAAAA", 1)}, (CERTIFICATE,)
    )
    yield _fault("truncated key", {KEY: "".join(key.splitlines(keepends=True)[:2])}, (KEY,))
    yield _fault("encrypted key", {KEY: _encrypted()}, (KEY, CERTIFICATE))
    yield _fault("no PEM", {CERTIFICATE: "this is no certificate\n"}, (CERTIFICATE,))
    yield _fault("issuer first", _issuer_first(host, now), (CERTIFICATE, KEY))
    yield _fault("garbage DH", {DH: "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n"}, (DH,))
    yield _fault("DH without PEM", {DH: "dh\n"}, (DH,))
    yield _fault("a certificate for DH", {DH: chain}, (DH,))
    yield _fault("small DH", {DH: _small_dh()}, (DH,))


def directory_faults(paths: list[str], now: datetime) -> Iterator[Broken]:
    """The trusted authority of a directory, replaced by one that did not issue the directory's certificate."""
    for path in paths:
        yield _fault("another authority", {path: _certificate(_new_key(), "other.example", now)}, ())
        yield _fault(
            "garbage authority", {path: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, ()
        )


def _fault(detail: str, contents: dict[str, str], files: tuple[str, ...]) -> Broken:
    edits = tuple(Edit(path, content) for path, content in contents.items())
    return Broken(f"{edits[0].path}: {detail}", "certificate or key", files, edits=edits)


def _new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def _certificate(key: Key, name: str, now: datetime, begin: float = -1, end: float = 90, issuer: Key | None = None,
                 is_authority: bool = False) -> str:  # fmt: skip
    """A PEM certificate for `name`, good from `begin` to `end` days from now, signed by `issuer` or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issued_by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")]) if issuer else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begin))
        .not_valid_after(now + timedelta(days=end))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    signed = builder.sign(issuer or key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _issuer_first(host: str, now: datetime) -> dict[str, str]:
    issuer, key = _new_key(), _new_key()
    authority = _certificate(issuer, "issuer", now, is_authority=True)
    return {CERTIFICATE: authority + _certificate(key, host, now, issuer=issuer), KEY: _pem(key)}


def _pem(key: Key, password: bytes = b"") -> str:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def _encrypted() -> str:
    return _pem(_new_key(), b"password")


@functools.cache
def _small_dh() -> str:
    parameters = dh.generate_parameters(2, 512)
    return parameters.parameter_bytes(serialization.Encoding.PEM, serialization.ParameterFormat.PKCS3).decode()
