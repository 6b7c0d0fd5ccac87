"""SOGo: `sogo-tool dump-defaults` reads the property list; sogod itself would start with an empty or broken file."""

from __future__ import annotations

import re

from rupost_core.components.model import Problem, StagedView, problems_by_pattern

_MESSAGE = re.compile(r"(?P<reason>[Pp]arse[^\n]*? at line (?P<line>\d+)[^\n]*)")
# A file that holds no settings is "valid" to SOGo; the tool then prints the two brackets, or less.
_LEAST_LINES = 3


class SOGo:
    name = "sogo"
    unit = "sogo.service"
    boot_unit = "sogo.service"
    main_file = "sogo/sogo.conf"
    package = "sogo"

    def trouble_after_reload(self, since: float) -> str:
        return ""

    def check(self, view: StagedView) -> list[Problem]:
        done = view.run(
            ["/usr/sbin/runuser", "-u", "sogo", "--", "/usr/sbin/sogo-tool", "dump-defaults",
             "-f", view.live / self.main_file]
        )  # fmt: skip
        problems = problems_by_pattern(self.name, view, done.stderr, _MESSAGE, self.main_file)
        if problems:
            return problems
        if done.exit_code != 0 or len(done.stdout.splitlines()) < _LEAST_LINES:
            said = " ".join(done.stderr.split())[-300:]
            return [Problem(self.name, self.main_file, None, said or "the file holds no settings")]
        return []
