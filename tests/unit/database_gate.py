"""A door before PostgreSQL that tests can shut (connections are refused) or jam (taken and never answered)."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Gate:
    def __init__(self, real_port: int) -> None:
        self._real_port = real_port
        self._jammed = False
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accept_in_thread()

    def shut(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._drop()

    def reopen(self) -> None:
        self._jammed = False
        self._drop()
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._accept_in_thread()

    def jam(self) -> None:
        self._jammed = True
        self._drop()

    def close(self) -> None:
        with suppress(OSError):
            self.shut()

    def _drop(self) -> None:
        opened, self._open = self._open, []
        for one in opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept_in_thread(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _address = listener.accept()
                self._open.append(client)
                if not self._jammed:
                    real = socket.create_connection(("127.0.0.1", self._real_port))
                    self._open.append(real)
                    for source, target in ((client, real), (real, client)):
                        threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
