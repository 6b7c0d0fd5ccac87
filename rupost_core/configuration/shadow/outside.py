"""The main process of the unit, in the live network: it starts the shadow and connects it to the outside services.

Its first line of input is the plan. When the input ends, so does whoever asked, and with that everything here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from pathlib import Path

from rupost_core.configuration.shadow.model import ShadowPlan
from rupost_core.host.commands import Running, start

_CONNECT_SECONDS = 3.0
_CHUNK = 65536
_INSIDE = "rupost_core.configuration.shadow.inside"
_OUTPUT = Path("/proc/self/fd/1")


def main() -> int:
    line = sys.stdin.buffer.readline()
    plan = ShadowPlan.from_json(line.decode())
    ours, theirs = socket.socketpair()
    shadow = start(
        ["unshare", "--mount", "--propagation", "private", "--net", "--pid", "--uts", "--ipc",
         "--fork", "--kill-child=KILL", "--", sys.executable, "-I", "-m", _INSIDE, str(theirs.fileno())],
        output=_OUTPUT,
        inherited=(theirs.fileno(),),
        environment={"RUPOST_LANGUAGE": os.environ.get("RUPOST_LANGUAGE", "")},
    )  # fmt: skip
    theirs.close()
    ours.sendall(line)
    threading.Thread(target=_end_with_input, args=(shadow,), daemon=True).start()
    with contextlib.suppress(OSError):  # a shadow that ends early tells why itself
        _message, listeners, _flags, _address = socket.recv_fds(ours, 1, len(plan.relays) + 1)
        for relay, descriptor in zip(plan.relays, listeners, strict=False):
            listener = socket.socket(fileno=descriptor)
            threading.Thread(target=_serve, args=(listener, (relay.address, relay.port)), daemon=True).start()
    return shadow.process.wait()


def _end_with_input(shadow: Running) -> None:
    # Not through the buffered file, on whose lock the interpreter would wait for a second when it ends.
    while os.read(0, _CHUNK):
        pass
    shadow.process.kill()


def _serve(listener: socket.socket, target: tuple[str, int]) -> None:
    """A socket stays in the network where it was made: what is accepted here comes from within the shadow."""
    while True:
        inner, _peer = listener.accept()
        threading.Thread(target=_carry, args=(inner, target), daemon=True).start()


def _carry(inner: socket.socket, target: tuple[str, int]) -> None:
    with inner, contextlib.suppress(OSError), socket.create_connection(target, _CONNECT_SECONDS) as outer:
        outer.settimeout(None)
        back = threading.Thread(target=_pump, args=(outer, inner), daemon=True)
        back.start()
        _pump(inner, outer)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main())
