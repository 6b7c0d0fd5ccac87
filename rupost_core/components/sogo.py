"""SOGo: `sogo-tool dump-defaults` reads the property list; sogod itself would start with an empty or broken file.

`environment` is read by systemd, which drops what it does not understand with a line in its log.
"""

from __future__ import annotations

import re

from rupost_core.components.authorities import authorities_trouble
from rupost_core.components.model import Problem, StagedView, problems_by_pattern
from rupost_core.components.sogo_services import service_problems
from rupost_core.i18n import translate as _

_MESSAGE = re.compile(r"(?P<reason>[Pp]arse[^\n]*? at line (?P<line>\d+)[^\n]*)")
# A file that holds no settings is "valid" to SOGo; the tool then prints the two brackets, or less.
_LEAST_LINES = 3
_ENVIRONMENT = "sogo/environment"
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)")
# Debian's unit reads PREFORK; libldap, libpq, GNUstep and the C library read the others.
_MEANT = re.compile(r"PREFORK|(LDAP|PG|GNUSTEP_|LC_|MALLOC_)[A-Z0-9_]+|LANG|TZ|HOME|LD_PRELOAD|MALLOC_ARENA_MAX")


class SOGo:
    name = "sogo"
    unit = "sogo.service"
    boot_unit = "sogo.service"
    main_file = "sogo/sogo.conf"
    package = "sogo"

    def trouble_after_reload(self, since: float) -> str:
        return ""

    def check(self, view: StagedView) -> list[Problem]:
        return self._settings(view) or [*self._environment(view), *service_problems(view)]

    def _settings(self, view: StagedView) -> list[Problem]:
        done = view.run(
            ["/usr/sbin/runuser", "-u", "sogo", "--", "/usr/sbin/sogo-tool", "dump-defaults",
             "-f", view.live / self.main_file]
        )  # fmt: skip
        problems = problems_by_pattern(self.name, view, done.stderr, _MESSAGE, self.main_file)
        if problems:
            return problems
        if done.exit_code != 0 or len(done.stdout.splitlines()) < _LEAST_LINES:
            said = " ".join(done.stderr.split())[-300:]
            return [Problem(self.name, self.main_file, None, said or _("the file holds no settings"))]
        return []

    def _environment(self, view: StagedView) -> list[Problem]:
        problems = []
        if not re.search(r"^PREFORK=", view.text(_ENVIRONMENT), re.MULTILINE):
            problems.append(Problem(self.name, _ENVIRONMENT, None, _("PREFORK, which the unit asks for, is not set")))
        for number, line in enumerate(view.text(_ENVIRONMENT).split("\n"), 1):
            if line.strip() and not line.startswith(("#", ";")):
                reason = _trouble(view, line)
                if reason:
                    problems.append(Problem(self.name, _ENVIRONMENT, number, reason))
        return problems


def _trouble(view: StagedView, line: str) -> str:
    """What is wrong with a line of the environment, or ""."""
    match = _ASSIGNMENT.fullmatch(line)
    if not match:
        return _("systemd does not take “{line}” for NAME=VALUE", line=line)
    name, value = match["name"], match["value"]
    if not _MEANT.fullmatch(name):
        return _("nothing reads the variable {name}", name=name)
    if name == "PREFORK" and not (value.isdigit() and int(value) > 0):
        return _("“{raw}” is not a number of processes", raw=value)
    if value.startswith("/") and not view.real(value).exists():
        return _("there is no file {path}", path=value)
    return authorities_trouble(view.real(value)) if name == "LDAPTLS_CACERT" else ""
