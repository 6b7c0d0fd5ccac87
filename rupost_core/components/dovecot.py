"""Dovecot: `doveconf -n -x`, which also opens the certificate and the key."""

from __future__ import annotations

import re

from rupost_core.components.model import Problem, StagedView, problems_by_pattern

_MESSAGE = re.compile(
    r"doveconf: (?:Fatal|Error|Warning): "
    r"(?:Error in configuration file (?P<file>/\S+) line (?P<line>\d+): )?(?P<reason>[^\n]+)",
)


class Dovecot:
    name = "dovecot"
    unit = "dovecot.service"
    main_file = "dovecot/dovecot.conf"
    package = "dovecot-core"

    def check(self, view: StagedView) -> list[Problem]:
        done = view.run(["/usr/bin/doveconf", "-c", view.live / self.main_file, "-n", "-x"])
        # The output holds the key: only what doveconf says on standard error is looked at.
        problems = problems_by_pattern(self.name, view, done.stderr, _MESSAGE, self.main_file)
        if done.exit_code == 0 or problems:
            return problems
        return [Problem(self.name, self.main_file, None, done.stderr[-500:])]
