"""TLS with a certificate and key that never touch a disk."""

from __future__ import annotations

import os
import ssl


def server_context(chain_pem: str, key_pem: str) -> ssl.SSLContext:
    """TLS 1.2 or newer. OpenSSL reads certificates from files only; this one lives in memory (memfd_create(2))."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    descriptor = os.memfd_create("rupost-panel", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(chain_pem.encode() + key_pem.encode())
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    return context
