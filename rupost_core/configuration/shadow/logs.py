"""What the shadow's daemons say: syslog on a /dev/log of its own, and their outputs in files. None of it is live."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

from rupost_core.configuration.shadow.explain import Line

_FRAME = re.compile(
    r"^<(\d+)>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d |\d{4}-\S+ )?([^\s\[:]+)(?:\[\d+\])?: ?(.*)$", re.DOTALL
)
_DATAGRAM = 65536
OUTPUTS = Path("/var/log/shadow")


class Log:
    """Lines as they come; `component` is told by the program's name."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._new = threading.Condition()
        OUTPUTS.mkdir()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("/dev/log")
        Path("/dev/log").chmod(0o666)
        Path("/run/systemd/journal/dev-log").symlink_to("/dev/log")
        threading.Thread(target=self._receive, daemon=True).start()

    def output_of(self, component: str) -> Path:
        """The file for a daemon's two outputs."""
        return OUTPUTS / component

    def lines(self) -> list[Line]:
        """Everything so far: syslog, the outputs, nginx's error log."""
        with self._new:
            found = list(self._lines)
        files = [(path.name, path) for path in sorted(OUTPUTS.iterdir())]
        files += [("nginx", path) for path in Path("/var/log/nginx").glob("*error*")]
        for component, path in files:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [Line(component, -1, line) for line in text.splitlines() if line.strip()]
        return found

    def syslog(self) -> list[Line]:
        with self._new:
            return list(self._lines)

    def _receive(self) -> None:
        while True:
            text = self._socket.recv(_DATAGRAM).decode("utf-8", "replace").rstrip("\n\0")
            match = _FRAME.match(text)
            if match:
                program = match[2].partition("/")[0]
                line = Line(program, int(match[1]) & 7, match[3])
                with self._new:
                    self._lines.append(line)
                    self._new.notify_all()
