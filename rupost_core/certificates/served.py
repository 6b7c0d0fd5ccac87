"""Which certificate each public port really serves, and how it differs from the one that it should serve.

STARTTLS is spoken as RFC 3207 (SMTP) and RFC 5804 (ManageSieve) have it.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from cryptography import x509

from rupost_core.certificates.model import Kind, distinguished_name
from rupost_core.i18n import translate as _

_ATTEMPT_SECONDS = 4.0
_PAUSE_SECONDS = 0.15
_MOST_BYTES = 65536
_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class ServingPort:
    """A port that serves a certificate of the kind, after the STARTTLS of `protocol` or at once ("")."""

    port: int
    purpose: str
    kind: Kind
    protocol: Literal["", "smtp", "sieve"] = ""


MAIL_PORTS = (
    ServingPort(25, "SMTP STARTTLS", "mail", "smtp"),
    ServingPort(465, "SMTPS", "mail"),
    ServingPort(993, "IMAPS", "mail"),
    ServingPort(4190, "ManageSieve STARTTLS", "mail", "sieve"),
    ServingPort(4190, "ManageSieve TLS", "mail"),
    ServingPort(443, "HTTPS", "mail"),
)
PANEL_PORT = ServingPort(5000, "control panel", "control_panel")

# DER, the server's own certificate first, as it came over the wire.
Chain = tuple[bytes, ...]


@dataclass(frozen=True)
class Comparison:
    """`error` is empty when the port serves what it should; `chain` is empty when it served nothing."""

    port: ServingPort
    seconds: float
    chain: Chain
    error: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the server's certificate in hex; empty when there was none."""
        return hashlib.sha256(self.chain[0]).hexdigest() if self.chain else ""


def chain_of(pem: str) -> Chain:
    """The certificates of a PEM file in DER."""
    blocks = [block[block.index("-----BEGIN CERTIFICATE") :] for block in pem.split(_END)[:-1]]
    return tuple(ssl.PEM_cert_to_DER_cert(f"{block}{_END}\n") for block in blocks)


def difference(served: Chain, expected: Chain) -> str:
    """Why the served chain is not the expected one; "" when it is.

    More than expected may come: OpenSSL adds issuers that the server's system trusts.
    """
    if served[:1] != expected[:1]:
        return _("serves the certificate {served} instead of {expected}",
                 served=_told(served[0]), expected=_told(expected[0]))  # fmt: skip
    if served[: len(expected)] != expected:
        absent = [_told(one) for one in expected if one not in served]
        return _("serves the right certificate without its chain: {absent}", absent=", ".join(absent) or "-")
    return ""


def compare(
    address: str, expected: dict[Kind, Chain], within_seconds: float, ports: Sequence[ServingPort] = MAIL_PORTS
) -> list[Comparison]:
    """Asks all ports at once; one that serves another chain is asked again until the time is over."""
    with ThreadPoolExecutor(len(ports)) as pool:
        return list(pool.map(lambda port: _until_right(address, port, expected[port.kind], within_seconds), ports))


def _until_right(address: str, port: ServingPort, expected: Chain, within_seconds: float) -> Comparison:
    started = time.monotonic()
    name = _server_name(expected)
    while True:
        chain: Chain = ()
        try:
            chain = fetch(address, port, name)
            error = difference(chain, expected)
        except OSError as problem:  # ssl.SSLError is one
            error = str(problem) or type(problem).__name__
        elapsed = time.monotonic() - started
        if not error or elapsed > within_seconds:
            return Comparison(port, elapsed, chain, error)
        time.sleep(_PAUSE_SECONDS)


def fetch(address: str, port: ServingPort, server_name: str | None = None) -> Chain:
    """The chain that the port serves; raises OSError when it does not get to that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # It is looked at, not trusted.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((address, port.port), _ATTEMPT_SECONDS) as plain:
        plain.settimeout(_ATTEMPT_SECONDS)
        _ASK_FOR_TLS[port.protocol](plain)
        with context.wrap_socket(plain, server_hostname=server_name) as wrapped:
            return _peer_chain(wrapped)


def _peer_chain(wrapped: ssl.SSLSocket) -> Chain:
    """Python 3.11 has the whole chain only below its public interface (3.13: SSLSocket.get_unverified_chain)."""
    inner: Any = wrapped._sslobj  # type: ignore[attr-defined]
    chain = tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain() or ())
    if not chain:
        raise OSError("no certificate")
    return chain


def _smtp(plain: socket.socket) -> None:
    _read(plain, lambda lines: lines[-1].startswith(b"220 "))
    plain.sendall(b"EHLO localhost\r\n")
    _read(plain, lambda lines: lines[-1].startswith(b"250 "))
    plain.sendall(b"STARTTLS\r\n")
    _read(plain, lambda lines: lines[-1].startswith(b"220 "))


def _sieve(plain: socket.socket) -> None:
    _read(plain, lambda lines: lines[-1].startswith(b"OK"))
    plain.sendall(b"STARTTLS\r\n")
    _read(plain, lambda lines: lines[-1].startswith(b"OK"))


_ASK_FOR_TLS: dict[str, Callable[[socket.socket], None]] = {"": lambda _plain: None, "smtp": _smtp, "sieve": _sieve}
_REFUSALS = (b"4", b"5", b"NO", b"BYE")


def _read(plain: socket.socket, is_whole: Callable[[list[bytes]], bool]) -> None:
    """Reads an answer up to the line that ends it; raises OSError for a refusal."""
    answer = b""
    while not (answer.endswith(b"\r\n") and is_whole(answer.splitlines())):
        if answer.endswith(b"\r\n") and answer.splitlines()[-1].startswith(_REFUSALS):
            raise OSError(answer.splitlines()[-1].decode("utf-8", "replace"))
        data = plain.recv(4096)
        if not data or len(answer) > _MOST_BYTES:
            raise OSError(_("closed the connection before TLS"))
        answer += data


def _server_name(expected: Chain) -> str | None:
    """What a client would ask for: the first plain host name of the expected certificate."""
    try:
        names = x509.load_der_x509_certificate(expected[0]).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (x509.ExtensionNotFound, ValueError):
        return None
    return next((name for name in names.value.get_values_for_type(x509.DNSName) if "*" not in name), None)


def _told(der: bytes) -> str:
    """`CN=mail.demo.local (SHA-256 1a2b3c4d…, until 2026-01-01)`."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject, until = distinguished_name(certificate.subject), certificate.not_valid_after_utc
    except ValueError:
        return hashlib.sha256(der).hexdigest()
    return _("{subject} (SHA-256 {start}…, until {date:%Y-%m-%d})",
             subject=subject, start=hashlib.sha256(der).hexdigest()[:16], date=until)  # fmt: skip
