"""A server that says it is old: a proxy before a real one that changes what it reports as `server_version`.

Messages of the protocol (PostgreSQL's manual, 55.7): one byte of type, four of length counting themselves, then the
body; ParameterStatus is `S`, name, NUL, value, NUL. The one byte that answers SSLRequest has no length.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def posing_as_old(real_port: int, version: str, port: int = 0) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", port))

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _address = listener.accept()
                threading.Thread(target=_serve, args=(client, real_port, version), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def _serve(client: socket.socket, real_port: int, version: str) -> None:
    with client, socket.create_connection(("127.0.0.1", real_port)) as real, suppress(OSError, EOFError):
        first = _startup(client)
        while first[4:8] in (struct.pack("!I", 80877103), struct.pack("!I", 80877104)):  # SSLRequest, GSSENCRequest
            client.sendall(b"N")
            first = _startup(client)
        real.sendall(first)
        threading.Thread(target=_copy, args=(client, real), daemon=True).start()
        while True:
            kind, body = _message(real)
            if kind == b"S" and body.startswith(b"server_version\0"):
                body = b"server_version\0" + version.encode() + b"\0"
            client.sendall(kind + struct.pack("!I", len(body) + 4) + body)


def _startup(client: socket.socket) -> bytes:
    head = _exactly(client, 4)
    return head + _exactly(client, struct.unpack("!I", head)[0] - 4)


def _message(real: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(real, 1)
    return kind, _exactly(real, struct.unpack("!I", _exactly(real, 4))[0] - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = source.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    with posing_as_old(int(sys.argv[2]), "9.5.25", int(sys.argv[1])):
        threading.Event().wait()
