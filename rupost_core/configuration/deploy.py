"""Bringing one node from its live generation to another: stage, check, switch, apply, probe, keep or take back.

Nothing live is touched before every check has passed. After the switch, anything but a good probe (an error, a
cancelled command) puts the former generation back and lets the components take it up again. What becomes of it when
this process is killed stands in transition.py and recovery.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from rupost_core.components.model import Component, Problem, StagedView
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.recovery import Recovery
from rupost_core.configuration.transition import Transition
from rupost_core.configuration.uptake import Host, Report, Step, Uptake, step
from rupost_core.configuration.walls import Candidate, Wall
from rupost_core.errors import CheckFailed, DeploymentError, RolledBack, RupostError
from rupost_core.host import clock
from rupost_core.i18n import translate as _

if TYPE_CHECKING:
    from collections.abc import Mapping


def _nothing(_target: int, _report: Report) -> None:
    return None


@dataclass
class NodeDeployment:
    """One move of this node; call `run` once."""

    live: LiveConfiguration
    components: Mapping[str, Component]
    host: Host
    report: Report
    walls: tuple[Wall, ...]
    skipped: frozenset[str] = frozenset()
    # Names the parameters that refused lines came from (blame.py); asked only when something was refused.
    blame: Callable[[list[Problem]], list[Problem]] = list
    clock: Callable[[], clock.Moment] = clock.now
    # Asked when every wall has been passed and nothing live was touched yet; it refuses by raising.
    before_switch: Callable[[int, Report], None] = _nothing

    def run(self, transition: Transition, files: tuple[RenderedFile, ...]) -> Transition:
        """The transition as it stands afterwards: ended, or waiting for confirmation. The caller holds the lock.

        Raises CheckFailed (nothing was changed), RolledBack, or DeploymentError when taking back failed too.
        """
        record, number = self.live.record, transition.target
        if record.load() != transition:
            record.save(transition)
        try:
            with step(self.report, "stage", str(number)):
                staged = self.live.stage(number, files)
            self._examine(Candidate(files, StagedView(staged, self.live.link)))
            self.before_switch(number, self.report)
        except BaseException as error:
            self._abandon(transition, error)
        try:
            with step(self.report, "switch", f"{transition.former} → {number}"):
                self.live.switch(number)
            uptake = Uptake(self.components, self.host, self.report)
            uptake.forward(transition.reactions)
            uptake.probe()
            if transition.confirm_within is None:
                after = transition.ended("done")
                record.end(after)
            else:
                after = transition.waiting(self.clock())
                record.save(after)
        except BaseException as error:
            self._take_back(transition, error)
        self.live.prune(needed=frozenset() if after.phase == "ended" else frozenset({after.former}))
        return after

    def _examine(self, candidate: Candidate) -> None:
        """Each wall in turn; what several have to say is said together, the most exact first."""
        found: list[list[Problem]] = []
        for wall in self.walls:
            if wall.name in self.skipped:
                self.report(Step(wall.name, "", "skipped", 0.0))
            elif not (wall.after_others and any(found)):
                found.append(list(wall.problems(candidate, functools.partial(self._notice, wall.name))))
        # A component's own checker names the very line; the lint tells what follows from it as well.
        problems = [problem for of_wall in reversed(found) for problem in of_wall]
        if problems:
            named = self.blame(problems)
            raise CheckFailed(
                str(named[0]),
                details=[str(problem) for problem in named[1:]],
                hint=_("Correct the parameter or the template; mail flows on with the former configuration."),
            )

    def _notice(
        self, wall: str, subject: str, seconds: float, problems: Sequence[Problem], warnings: Sequence[Problem] = ()
    ) -> None:
        message = str(problems[0]) if problems else ""
        self.report(Step(wall, subject, "refused" if problems else "done", seconds, message))
        for problem in warnings:
            self.report(Step(wall, problem.component, "warning", 0.0, str(problem)))

    def _abandon(self, transition: Transition, error: BaseException) -> NoReturn:
        """Nothing live was touched."""
        outcome = "refused" if isinstance(error, CheckFailed) else "failed"
        with suppress(OSError):  # a full disk: the next recovery files the record
            self.live.record.end(transition.ended(outcome, _reason_of(error)))
        if isinstance(error, OSError):
            raise DeploymentError(
                _("{reason}; nothing was changed", reason=error), hint=_("See df -h and dmesg on this node.")
            ) from error
        raise error

    def _take_back(self, transition: Transition, error: BaseException) -> NoReturn:
        details = tuple(error.details) if isinstance(error, RupostError) else ()
        recovery = Recovery(self.live, self.components, self.host, self.report, self.clock)
        ended = recovery.go_back(transition, _reason_of(error), details)
        if ended.outcome != "rolled_back":
            raise DeploymentError(
                ended.message,
                details=list(ended.details),
                hint=_("See systemctl --failed and /var/log/mail.log."),
            ) from error
        if not isinstance(error, RupostError | KeyboardInterrupt | OSError):
            raise error
        former = transition.former
        raise RolledBack(
            ended.message,
            details=list(ended.details),
            hint=_("Correct what is named above. Generation {former} is live again.", former=former)
            if former
            else _("Correct what is named above. No generation is live, as before."),
        ) from error


def _reason_of(error: BaseException) -> str:
    if isinstance(error, RupostError):
        return error.message
    if isinstance(error, KeyboardInterrupt):
        return _("cancelled")
    return str(error) or type(error).__name__
