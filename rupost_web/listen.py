"""The sockets that the panel listens on."""

from __future__ import annotations

import socket

_BACKLOG = 256


def listen(host: str, port: int) -> list[socket.socket]:
    """TCP sockets on one host, or, when it is empty, on every IPv4 and IPv6 address; raises OSError."""
    hosts = [host] if host else ["0.0.0.0", "::"]  # noqa: S104 - the panel serves the network (manual 2.13)
    sockets: list[socket.socket] = []
    for one in hosts:
        try:
            sockets.append(_listen_on(one, port))
        except OSError:
            # A node without IPv6 has no "::".
            if one != "::" or not sockets:
                for opened in sockets:
                    opened.close()
                raise
    return sockets


def _listen_on(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened
