"""Mail clients that connect to one node's address and verify the certificate of the system's name.

The standard library's clients take the name to verify from the address they connect to; these keep the two apart, so
that each node can be asked by itself.
"""

from __future__ import annotations

import base64
import imaplib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPSConnection

from rupost_core.i18n import translate as _

TIMEOUT_SECONDS = 15.0
_SIGNED_IN = 235


@dataclass(frozen=True)
class Endpoint:
    """A node's address, the name that its certificate must carry, and what certificate is trusted."""

    address: str
    name: str
    context: ssl.SSLContext


def trust_only(chain_pem: str) -> ssl.SSLContext:
    """TLS 1.2+ that accepts exactly the given certificates, as if each were a root (X509_V_FLAG_PARTIAL_CHAIN)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=chain_pem)
    return context


class SMTP(smtplib.SMTP):
    """SMTP on port 25; `secure` does STARTTLS."""

    def __init__(self, endpoint: Endpoint, port: int = 25) -> None:
        self._endpoint = endpoint
        super().__init__(local_hostname="check.rupost", timeout=TIMEOUT_SECONDS)
        self.connect(endpoint.address, port)
        self._host = endpoint.name

    def secure(self) -> None:
        self.starttls(context=self._endpoint.context)
        self.ehlo()


def _plain(user: str, password: str) -> bytes:
    """The message of SASL PLAIN (RFC 4616). The library's own `login` methods know ASCII passwords only."""
    return f"\0{user}\0{password}".encode()


class SMTPS(smtplib.SMTP):
    """SMTP over implicit TLS, port 465."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        super().__init__(local_hostname="check.rupost", timeout=TIMEOUT_SECONDS)
        self.connect(endpoint.address, 465)

    def sign_in(self, user: str, password: str) -> None:
        code, text = self.docmd("AUTH", "PLAIN " + base64.b64encode(_plain(user, password)).decode())
        if code != _SIGNED_IN:
            raise smtplib.SMTPAuthenticationError(code, text)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return _tls_socket(self._endpoint, port)


class IMAPS(imaplib.IMAP4):
    """IMAP over implicit TLS, port 993."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        super().__init__(endpoint.address, 993, timeout=TIMEOUT_SECONDS)

    def sign_in(self, user: str, password: str) -> None:
        self.authenticate("PLAIN", lambda _challenge: _plain(user, password))

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return _tls_socket(self._endpoint, 993)


class HTTPS(HTTPSConnection):
    """HTTPS on port 443, one person signed in by Basic authentication."""

    def __init__(self, endpoint: Endpoint, user: str, password: str) -> None:
        super().__init__(endpoint.name, 443, timeout=TIMEOUT_SECONDS)
        self._endpoint = endpoint
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def connect(self) -> None:
        self.sock = _tls_socket(self._endpoint, 443)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
        """(status, body) of one request; header names are written with `_` for `-`."""
        sent = {"Authorization": self._authorization} | {k.replace("_", "-"): v for k, v in headers.items()}
        self.request(method, path, body.encode(), sent)
        answer = self.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")


class ManageSieve:
    """ManageSieve with STARTTLS (RFC 5804), port 4190: just what a check needs."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._socket = socket.create_connection((endpoint.address, 4190), TIMEOUT_SECONDS)
        self._buffer = b""
        self._answer()
        self.command("STARTTLS")
        self._socket = endpoint.context.wrap_socket(self._socket, server_hostname=endpoint.name)
        self._answer()

    def login(self, user: str, password: str) -> None:
        token = base64.b64encode(_plain(user, password)).decode()
        self.command(f'AUTHENTICATE "PLAIN" "{token}"')

    def put_script(self, name: str, script: str) -> None:
        self.command(f'PUTSCRIPT "{name}" {{{len(script.encode())}+}}\r\n{script}')

    def command(self, text: str) -> str:
        """Sends one command; raises OSError unless the server says OK."""
        self._socket.sendall(text.encode() + b"\r\n")
        return self._answer()

    def close(self) -> None:
        self._socket.close()

    def _answer(self) -> str:
        lines: list[str] = []
        while True:
            while b"\r\n" not in self._buffer:
                data = self._socket.recv(4096)
                if not data:
                    raise OSError(_("the server closed the connection"))
                self._buffer += data
            raw, self._buffer = self._buffer.split(b"\r\n", 1)
            line = raw.decode("utf-8", "replace")
            lines.append(line)
            if re.match(r"(NO|BYE)\b", line):
                raise OSError(line)
            if re.match(r"OK\b", line):
                return "\n".join(lines)


def _tls_socket(endpoint: Endpoint, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection((endpoint.address, port), TIMEOUT_SECONDS)
    return endpoint.context.wrap_socket(plain, server_hostname=endpoint.name)
