"""HAProxy: `haproxy -c`, warnings taken as errors."""

from __future__ import annotations

import re

from rupost_core.components.model import Problem, StagedView, problems_by_pattern

_MESSAGE = re.compile(
    r"^\[(?:ALERT|WARNING)\][^\n]*?: (?:config : )?(?:parsing \[(?P<file>[^\]:]+):(?P<line>\d+)\] ?: ?)?(?P<reason>[^\n]+)$",
    re.MULTILINE,
)
_SUMMARY = re.compile(r"^(Error\(s\) found|Fatal errors found|Some warnings were found|Missing)")


class HAProxy:
    name = "haproxy"
    unit = "haproxy.service"
    main_file = "haproxy/haproxy.cfg"
    package = "haproxy"

    def check(self, view: StagedView) -> list[Problem]:
        done = view.run(["/usr/sbin/haproxy", "-c", "-dW", "-f", view.live / self.main_file])
        if done.exit_code == 0:
            return []
        problems = problems_by_pattern(self.name, view, done.output, _MESSAGE, self.main_file)
        problems = [p for p in problems if not _SUMMARY.match(p.reason)]
        return problems or [Problem(self.name, self.main_file, None, done.output[-500:])]
