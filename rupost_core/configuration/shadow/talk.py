"""A client's side of a line protocol, over plain TCP or TLS, with one deadline for everything."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

_PAUSE_SECONDS = 0.05
_MOST_BYTES = 1 << 20


class Unexpected(Exception):
    """The other side did not do what it should; the text says what it did.

    `clear` says that the text alone tells what is wrong: no log has to be asked. `clue` is a regular expression for
    the line of the staged files that is to blame, or "".
    """

    def __init__(self, text: str, *, clear: bool = False, clue: str = "") -> None:
        super().__init__(text)
        self.clear = clear or bool(clue)
        self.clue = clue


class Talk:
    """A connection to (address, port) from the address `source`, as a context manager. `deadline` is monotonic."""

    def __init__(self, address: str, port: int, deadline: float, *, source: str = "", tls: bool = False) -> None:
        self._deadline = deadline
        self._buffer = b""
        try:
            self._socket: socket.socket = socket.create_connection(
                (address, port), self.left, (source, 0) if source else None
            )
        except OSError as error:
            raise Unexpected(f"{address}:{port}: {error.strerror or error}") from error
        if tls:
            self.start_tls()

    @property
    def left(self) -> float:
        return max(self._deadline - time.monotonic(), 0.01)

    def start_tls(self) -> None:
        """Names and issuers are not looked at: which certificate is served is asked by itself."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._socket.settimeout(self.left)
        try:
            self._socket = context.wrap_socket(self._socket)
        except OSError as error:
            raise Unexpected(f"TLS: {error.strerror or error}") from error

    def certificate(self) -> bytes:
        """The served certificate, DER."""
        assert isinstance(self._socket, ssl.SSLSocket)  # noqa: S101 - asked after TLS only
        return self._socket.getpeercert(binary_form=True) or b""

    def send(self, text: str | bytes) -> None:
        try:
            self._socket.settimeout(self.left)
            self._socket.sendall(text if isinstance(text, bytes) else text.encode())
        except OSError as error:
            raise Unexpected(str(error.strerror or error)) from error

    def line(self) -> str:
        """The next line without its end."""
        while b"\n" not in self._buffer:
            self._more()
        line, _newline, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def everything(self) -> str:
        """All that comes until the other side closes."""
        try:
            while len(self._buffer) < _MOST_BYTES:
                self._more()
        except Closed:
            pass
        return self._buffer.decode("utf-8", "replace")

    def waiting(self, seconds: float) -> bool:
        """Whether something to read comes within the time."""
        return bool(self._buffer) or self._receive(seconds)

    def _more(self) -> None:
        if time.monotonic() > self._deadline or not self._receive(self.left):
            raise Late

    def _receive(self, seconds: float) -> bool:
        self._socket.settimeout(min(seconds, self.left))
        try:
            data = self._socket.recv(4096)
        except TimeoutError:
            return False
        except OSError as error:
            raise Unexpected(str(error.strerror or error)) from error
        if not data:
            raise Closed("closed the connection")
        self._buffer += data
        return True

    def reply(self) -> str:
        """An SMTP reply: the text of its last line, codes and all."""
        while True:
            line = self.line()
            if line[3:4] != "-":
                return line

    def command(self, text: str) -> str:
        self.send(f"{text}\r\n")
        return self.reply()

    def expect(self, answer: str, *beginnings: str) -> str:
        if not answer.startswith(beginnings):
            raise Unexpected(f"answered {answer[:200]!r}")
        return answer

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()


class Closed(Unexpected):
    """The other side closed the connection."""


class Late(Unexpected):
    """The time is over."""

    def __init__(self) -> None:
        super().__init__("did not answer in time")


def until(deadline: float, question: Callable[[], str]) -> str:
    """Asks again until the answer is "" (all is well) or the time is over; gives the last answer."""
    while True:
        answer = question()
        if not answer or time.monotonic() + _PAUSE_SECONDS > deadline:
            return answer
        time.sleep(_PAUSE_SECONDS)
