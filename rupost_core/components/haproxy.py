"""HAProxy: `haproxy -c`, warnings taken as errors."""

from __future__ import annotations

import re
import socket
import time

from rupost_core.components.model import Problem, StagedView, problems_by_pattern
from rupost_core.host import units
from rupost_core.i18n import translate as _

_READY_SECONDS = 3.0
_MASTER_SOCKET = "/run/haproxy-master.sock"
_ADMIN_SOCKET = "/run/haproxy/admin.sock"
_NEW_WORKER = re.compile(r"^\d+\s+worker\s+0\s", re.MULTILINE)
_ALERT = re.compile(r"^\[ALERT\]\s+\(\d+\) : ")
_MESSAGE = re.compile(
    r"^\[(?:ALERT|WARNING)\][^\n]*?: (?:config : )?"
    r"(?:(?:parsing )?\[(?P<file>[^\]:]+):(?P<line>\d+)\] ?: ?)?(?P<reason>[^\n]+)$",
    re.MULTILINE,
)
_SUMMARY = re.compile(r"^(Error\(s\) found|Fatal errors found|Some warnings were found|Missing)")


class HAProxy:
    name = "haproxy"
    unit = "haproxy.service"
    boot_unit = "haproxy.service"
    main_file = "haproxy/haproxy.cfg"
    package = "haproxy"

    def trouble_after_reload(self, since: float) -> str:
        """HAProxy's master keeps the old worker when the new one cannot start (a port that it may not bind).

        `show proc` of the master socket tells: a worker that has seen no reload is a new one.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not _has_new_worker():
            if time.monotonic() > deadline:
                alerts = [line for line in units.last_log_lines(self.unit, 60) if line.startswith("[ALERT]")]
                return _ALERT.sub("", alerts[0]) if alerts else _("the new worker did not start")
            time.sleep(0.05)
        return ""

    def check(self, view: StagedView) -> list[Problem]:
        done = view.run(["/usr/sbin/haproxy", "-c", "-dW", "-f", view.live / self.main_file])
        if done.exit_code == 0:
            return []
        problems = problems_by_pattern(self.name, view, done.output, _MESSAGE, self.main_file)
        problems = [p for p in problems if not _SUMMARY.match(p.reason)]
        return problems or [Problem(self.name, self.main_file, None, done.output[-500:])]


def open_sessions() -> dict[str, int]:
    """How many sessions each frontend carries just now, by its name; empty where HAProxy does not run or answer."""
    try:
        answer = _ask(_ADMIN_SOCKET, b"show stat -1 1 -1\n", until=b"\n\n")
    except OSError:
        return {}
    # https://docs.haproxy.org/2.6/management.html#9.1: pxname, svname, qcur, qmax, scur
    rows = (line.split(",") for line in answer.splitlines() if line and not line.startswith("#"))
    return {row[0]: int(row[4]) for row in rows if len(row) > 4 and row[4].isdigit()}


def _has_new_worker() -> bool:
    try:
        # The master keeps the connection open: its list ends with the programs.
        answer = _ask(_MASTER_SOCKET, b"show proc\n", until=b"# programs")
    except OSError:
        return False  # the master is just starting itself anew
    return _NEW_WORKER.search(answer.partition("# old workers")[0]) is not None


def _ask(path: str, question: bytes, *, until: bytes) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(path)
        connection.sendall(question)
        answer = b""
        while until not in answer and (data := connection.recv(4096)):
            answer += data
    return answer.decode("ascii", "replace")
