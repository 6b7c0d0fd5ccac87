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
_NEW_WORKER = re.compile(r"^\d+\s+worker\s+0\s", re.MULTILINE)
_ALERT = re.compile(r"^\[ALERT\]\s+\(\d+\) : ")
_MESSAGE = re.compile(
    r"^\[(?:ALERT|WARNING)\][^\n]*?: (?:config : )?"
    r"(?:parsing \[(?P<file>[^\]:]+):(?P<line>\d+)\] ?: ?)?(?P<reason>[^\n]+)$",
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


def _has_new_worker() -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as master:
            master.settimeout(2)
            master.connect(_MASTER_SOCKET)
            master.sendall(b"show proc\n")
            answer = b""
            # The master keeps the connection open: its list ends with the programs.
            while b"# programs" not in answer and (data := master.recv(4096)):
                answer += data
    except OSError:
        return False  # the master is just starting itself anew
    current = answer.decode("ascii", "replace").partition("# old workers")[0]
    return _NEW_WORKER.search(current) is not None
