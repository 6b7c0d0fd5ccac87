"""nginx: `nginx -t`."""

from __future__ import annotations

import re

from rupost_core.components.model import Problem, StagedView, problems_by_pattern

_MESSAGE = re.compile(
    r"nginx: \[(?:emerg|alert|crit|error|warn)\] (?P<reason>.+?)(?: in (?P<file>/[^:\s]+):(?P<line>\d+))?$",
    re.MULTILINE,
)


class Nginx:
    name = "nginx"
    unit = "nginx.service"
    main_file = "nginx/nginx.conf"
    package = "nginx"

    def check(self, view: StagedView) -> list[Problem]:
        done = view.run(["/usr/sbin/nginx", "-t", "-c", view.live / self.main_file])
        problems = problems_by_pattern(self.name, view, done.output, _MESSAGE, self.main_file)
        if done.exit_code == 0:
            # Warnings pass by nginx; a limit of this machine that it cannot raise is no fault of the file.
            return [problem for problem in problems if "setrlimit" not in problem.reason]
        return problems or [Problem(self.name, self.main_file, None, done.output[-500:])]
