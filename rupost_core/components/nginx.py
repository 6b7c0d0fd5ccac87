"""nginx: `nginx -t`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.parsers import expat

from rupost_core.components.model import Problem, StagedView, problems_by_pattern
from rupost_core.host.processes import wait_for_new_child
from rupost_core.i18n import translate as _

_NEW_WORKER_SECONDS = 3.0
_MESSAGE = re.compile(
    r"^(?:nginx:|\S+ \S+) \[(?:emerg|alert|crit|error|warn)\] (?:\d+#\d+: )?"
    r"(?P<reason>.+?)(?: in (?P<file>/[^:\s]+):(?P<line>\d+))?$",
    re.MULTILINE,
)
# A quote that is not in its place becomes part of the name.
_UNLOADED = re.compile(r"cannot load certificate(?: key)? \"(.+?)\":")
_SERVED = re.compile(r"(?:^|[;{}\s])(?:alias|root)\s+(\"?/[^;\"]+\"*)\s*;")


class Nginx:
    name = "nginx"
    unit = "nginx.service"
    boot_unit = "nginx.service"
    main_file = "nginx/nginx.conf"
    package = "nginx"

    def trouble_after_reload(self, since: float) -> str:
        """nginx's master keeps its old workers when it cannot take up the new configuration: look for a new one."""
        if wait_for_new_child(Path("/run/nginx.pid"), since, _NEW_WORKER_SECONDS):
            return ""
        return _("nginx did not start new workers; see /var/log/nginx/error.log")

    def check(self, view: StagedView) -> list[Problem]:
        done = view.run(["/usr/sbin/nginx", "-t", "-c", view.live / self.main_file])
        problems = problems_by_pattern(self.name, view, done.output, _MESSAGE, self.main_file)
        if done.exit_code != 0:
            problems = [_at_path(view, problem) for problem in problems]
            return problems or [Problem(self.name, self.main_file, None, done.output[-500:])]
        # Warnings pass by nginx; a limit of this machine that it cannot raise is no fault of the file.
        problems = [problem for problem in problems if "setrlimit" not in problem.reason]
        return problems or [*self._missing(view), *self._documents(view)]

    def _documents(self, view: StagedView) -> list[Problem]:
        """What mail programs configure themselves by is well-formed XML."""
        problems = []
        for path in sorted((view.staged / "nginx").glob("*.xml")):
            parser = expat.ParserCreate()
            try:
                parser.Parse(path.read_bytes(), True)
            except expat.ExpatError as error:
                reason = expat.ErrorString(error.code) or str(error)
                problems.append(Problem(self.name, f"nginx/{path.name}", error.lineno, reason))
        return problems

    def _missing(self, view: StagedView) -> list[Problem]:
        """What is served from files that are not there: nginx would say 404 only when somebody asks."""
        problems = []
        for path in sorted((view.staged / "nginx").glob("*.conf")):
            file = f"nginx/{path.name}"
            for number, line in enumerate(view.text(file).splitlines(), 1):
                for match in _SERVED.finditer(line):
                    whole = re.fullmatch(r"([\"'])(.*)\1", match[1])
                    named = whole[2] if whole else match[1]
                    if "$" not in named and not view.real(named).exists():
                        reason = _("there is no file {path}", path=named)
                        problems.append(Problem(self.name, file, number, reason))
        return problems


def _at_path(view: StagedView, problem: Problem) -> Problem:
    """Of a certificate that cannot be loaded nginx tells the path, and not which line names it."""
    named = _UNLOADED.search(problem.reason)
    if problem.line or not named:
        return problem
    places = [
        (f"nginx/{path.name}", number, line)
        for path in sorted((view.staged / "nginx").glob("*.conf"))
        for number, line in enumerate(view.text(f"nginx/{path.name}").splitlines(), 1)
        if named[1] in line
    ]
    # The same name may stand elsewhere as it should, between two quotes.
    places.sort(key=lambda place: place[2].count('"') == 2)
    return replace(problem, file=places[0][0], line=places[0][1]) if places else problem
