"""Dovecot: `doveconf -n -x`, which also opens the certificate and the key, and what the understood settings name."""

from __future__ import annotations

import re
from dataclasses import replace

from rupost_core.components.dovecot_effective import settings
from rupost_core.components.dovecot_parts import part_problems
from rupost_core.components.model import Problem, StagedView, problems_by_pattern

_MESSAGE = re.compile(
    r"doveconf: (?:Fatal|Error|Warning): "
    r"(?:(?:Error in configuration file )?(?P<file>/\S+?)(?: line (?P<line>\d+))?: )?(?P<reason>[^\n]+)",
)
# A section that is not closed is told by where it began; and each protocol's own complaint only repeats the first.
_BEGAN = re.compile(r" \(section started at \S+:(\d+)\)")
_NAMED = re.compile(r"([a-z0-9_]+): ")
_ECHO = "dump-capability process returned"


class Dovecot:
    name = "dovecot"
    unit = "dovecot.service"
    boot_unit = "dovecot.service"
    main_file = "dovecot/dovecot.conf"
    package = "dovecot-core"

    def trouble_after_reload(self, since: float) -> str:
        return ""

    def check(self, view: StagedView) -> list[Problem]:
        done = view.run(["/usr/bin/doveconf", "-c", view.live / self.main_file, "-n", "-x"])
        # The output holds the key: only what doveconf says on standard error is looked at.
        problems = [
            _at_setting(view, _at_beginning(problem))
            for problem in problems_by_pattern(self.name, view, done.stderr, _MESSAGE, self.main_file)
            if _ECHO not in problem.reason
        ]
        if problems:
            return problems
        # Without -x this one holds no key.
        understood = view.run(["/usr/bin/doveconf", "-c", view.live / self.main_file, "-n"])
        if done.exit_code != 0 or understood.exit_code != 0:
            return [Problem(self.name, self.main_file, None, (done.stderr or understood.stderr)[-500:])]
        return part_problems(view, list(settings(understood.stdout)))


def _at_beginning(problem: Problem) -> Problem:
    began = _BEGAN.search(problem.reason)
    if not began or problem.line:
        return problem
    return replace(problem, line=int(began[1]), reason=_BEGAN.sub("", problem.reason))


def _at_setting(view: StagedView, problem: Problem) -> Problem:
    """Of “protocols: Unknown protocol: …” doveconf gives no line: the last one that sets it."""
    named = _NAMED.match(problem.reason)
    if problem.line or not named or problem.file != Dovecot.main_file:
        return problem
    lines = [number for number, line in enumerate(view.text(problem.file).splitlines(), 1)
             if line.partition("=")[0].strip() == named[1]]  # fmt: skip
    return replace(problem, line=lines[-1]) if lines else problem
