"""TLS with a certificate and key that never touch a disk, and that can be exchanged while connections go on."""

from __future__ import annotations

import os
import ssl


class ServerContext:
    """TLS 1.2 or newer. `context` is what the server is given; each new connection gets the pair last set."""

    def __init__(self, chain_pem: str, key_pem: str) -> None:
        self.context = _context(chain_pem, key_pem)
        self._current = self.context
        # OpenSSL asks this in every handshake, also of clients that name no host.
        self.context.sni_callback = self._choose

    def exchange(self, chain_pem: str, key_pem: str) -> None:
        """From now on this pair; connections that are open keep theirs. Raises ssl.SSLError and changes nothing."""
        self._current = _context(chain_pem, key_pem)

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current


def _context(chain_pem: str, key_pem: str) -> ssl.SSLContext:
    """OpenSSL reads certificates from files only; this one lives in memory (memfd_create(2))."""
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
