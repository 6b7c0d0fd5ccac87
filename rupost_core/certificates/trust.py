"""The roots that this system trusts (Debian's ca-certificates)."""

from __future__ import annotations

import warnings
from pathlib import Path

from cryptography import x509

from rupost_core.certificates.material import read_chain
from rupost_core.errors import CertificateError

SYSTEM_STORE = Path("/etc/ssl/certs/ca-certificates.crt")
_END = b"-----END CERTIFICATE-----"


def system_anchors(store: Path = SYSTEM_STORE) -> tuple[x509.Certificate, ...]:
    """Those that can be read: one odd certificate among hundreds hides none of the others."""
    try:
        content = store.read_bytes()
    except OSError:
        return ()
    found: list[x509.Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old roots have their oddities; that is not for this command to tell
        for block in content.split(_END)[:-1]:
            try:
                found += read_chain(block + _END + b"\n")
            except CertificateError:
                continue
    return tuple(found)


def roots_of(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The self-signed certificates of a PEM file; raises CertificateError when it holds no certificate.

    An intermediate authority is no root: daemons must send it, so it belongs into the chain.
    """
    return tuple(one for one in read_chain(pem) if one.subject == one.issuer)
