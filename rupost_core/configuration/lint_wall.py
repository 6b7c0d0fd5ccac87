"""The lint as the first wall: errors refuse the generation, warnings are only told."""

from __future__ import annotations

import time

from rupost_core.components.model import Problem
from rupost_core.configuration.lint import HostFacts, lint
from rupost_core.configuration.walls import Candidate, Notice, WallName


class Lint:
    name: WallName = "lint"
    after_others = False

    def __init__(self, facts: HostFacts) -> None:
        self._facts = facts

    def problems(self, candidate: Candidate, notice: Notice) -> list[Problem]:
        started = time.monotonic()
        found = lint(candidate.files, self._facts)
        errors = [finding.problem for finding in found if finding.severity == "error"]
        warnings = [finding.problem for finding in found if finding.severity == "warning"]
        notice("", time.monotonic() - started, errors, warnings)
        return errors
