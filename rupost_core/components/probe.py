"""Whether a node serves: every public port is asked as a client would ask it, through HAProxy.

Ports are those of manual appendix 2. A port is asked again until it answers or its time is over, since a daemon that
was just started needs a moment, and HAProxy needs one more to see it.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

_ATTEMPT_SECONDS = 4.0
_PAUSE_SECONDS = 0.15


@dataclass(frozen=True)
class PortProbe:
    """A question to a port: `send` may be empty, `expect` must stand in what comes back."""

    port: int
    purpose: str
    tls: bool
    send: bytes
    expect: bytes


@dataclass(frozen=True)
class ProbeResult:
    """`error` is empty when the port answered as expected within `seconds`."""

    probe: PortProbe
    seconds: float
    error: str


PUBLIC_PORTS = (
    PortProbe(25, "SMTP", False, b"", b"220 "),
    PortProbe(465, "SMTPS", True, b"", b"220 "),
    PortProbe(993, "IMAPS", True, b"", b"* OK"),
    PortProbe(4190, "ManageSieve", False, b"", b"IMPLEMENTATION"),
    PortProbe(80, "HTTP", False, b"GET / HTTP/1.0\r\nHost: probe\r\n\r\n", b" 301 "),
    PortProbe(443, "HTTPS", True, b"GET /rupost-health HTTP/1.0\r\nHost: probe\r\n\r\n", b" 200 "),
    PortProbe(443, "SOGo", True, b"GET /SOGo/ HTTP/1.0\r\nHost: probe\r\n\r\n", b" 200 "),
    PortProbe(20025, "health", False, b"", b"220 "),
)


def probe_all(address: str, within_seconds: float, probes: tuple[PortProbe, ...] = PUBLIC_PORTS) -> list[ProbeResult]:
    """Asks all ports at once; each has `within_seconds` to give the expected answer."""
    with ThreadPoolExecutor(len(probes)) as pool:
        return list(pool.map(lambda probe: _until_answered(address, probe, within_seconds), probes))


def _until_answered(address: str, probe: PortProbe, within_seconds: float) -> ProbeResult:
    started = time.monotonic()
    while True:
        error = _ask(address, probe)
        elapsed = time.monotonic() - started
        if not error or elapsed > within_seconds:
            return ProbeResult(probe, elapsed, error)
        time.sleep(_PAUSE_SECONDS)


def _ask(address: str, probe: PortProbe) -> str:
    """The reason why the port does not answer as expected, or an empty text."""
    try:
        with socket.create_connection((address, probe.port), _ATTEMPT_SECONDS) as plain:
            plain.settimeout(_ATTEMPT_SECONDS)
            if not probe.tls:
                return _converse(plain.sendall, plain.recv, probe)
            with _any_certificate().wrap_socket(plain) as wrapped:
                return _converse(wrapped.sendall, wrapped.recv, probe)
    except (OSError, ssl.SSLError) as error:
        return str(error) or type(error).__name__


def _converse(send: Callable[[bytes], object], receive: Callable[[int], bytes], probe: PortProbe) -> str:
    if probe.send:
        send(probe.send)
    answer = b""
    while probe.expect not in answer:
        data = receive(4096)
        if not data or len(answer) > 65536:
            first = answer.split(b"\r\n")[0].decode("utf-8", "replace")
            return f"answered {first!r}" if first else "closed the connection"
        answer += data
    return ""


def _any_certificate() -> ssl.SSLContext:
    """Names and issuers are another check's matter: here it counts that the port serves at all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
