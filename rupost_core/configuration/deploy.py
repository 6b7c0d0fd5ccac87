"""Bringing one node from its live generation to another: stage, check, switch, apply, probe, keep or take back.

Nothing live is touched before every check has passed. After the switch, anything but a good probe (an error, a
cancelled command) puts the former generation back and lets the components take it up again.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rupost_core.components.model import Component, Problem, StagedView
from rupost_core.components.probe import ProbeResult
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.plan import ComponentChange
from rupost_core.configuration.walls import Candidate, Wall
from rupost_core.errors import CheckFailed, DeploymentError, RolledBack, RupostError
from rupost_core.i18n import translate as _

PROBE_SECONDS = 20.0


@dataclass(frozen=True)
class Step:
    """One step as it ended.

    `name` is stage, the name of a wall, set-aside, switch, start, reload, restart, probe or rollback.

    `subject` is the component, or the generation. `outcome` is done, refused, skipped or failed.
    """

    name: str
    subject: str
    outcome: str
    seconds: float
    message: str = ""


Report = Callable[[Step], None]


def _nothing(_target: int, _report: Report) -> None:
    return None


class Host(Protocol):
    """What a deployment does to the node besides files (units.py and probe.py on a real one)."""

    def act(self, action: str, unit: str) -> None: ...

    def is_active(self, unit: str) -> bool: ...

    def probe(self, within_seconds: float) -> list[ProbeResult]: ...


@dataclass
class NodeDeployment:
    """One move of this node; call `run` once."""

    live: LiveConfiguration
    components: dict[str, Component]
    host: Host
    report: Report
    walls: tuple[Wall, ...]
    skipped: frozenset[str] = frozenset()
    # Asked when every wall has been passed and nothing live was touched yet; it refuses by raising.
    before_switch: Callable[[int, Report], None] = _nothing

    def run(self, number: int, files: tuple[RenderedFile, ...], changes: tuple[ComponentChange, ...]) -> None:
        """Raises CheckFailed (nothing was changed), RolledBack, or DeploymentError when taking back failed too."""
        with self.live.lock():
            former = self.live.current()
            with self._step("stage", str(number)):
                staged = self.live.stage(number, files)
            self._examine(Candidate(files, StagedView(staged, self.live.link)))
            self.before_switch(number, self.report)
            try:
                with self._step("switch", f"{former} → {number}"):
                    self.live.switch(number)
                self._apply(changes)
                self._probe()
            except (RupostError, KeyboardInterrupt) as error:
                self._take_back(former, changes, error)
            self.live.prune()

    def take_up(self, changes: tuple[ComponentChange, ...]) -> None:
        """Lets components take up files that were put right where they lie, and probes; raises RupostError."""
        self._apply(changes)
        self._probe()

    def _examine(self, candidate: Candidate) -> None:
        """Each wall in turn: a later one is dearer, and need not be asked about what an earlier one has refused."""
        for wall in self.walls:
            if wall.name in self.skipped:
                self.report(Step(wall.name, "", "skipped", 0.0))
                continue
            problems = wall.problems(candidate, functools.partial(self._notice, wall.name))
            if problems:
                raise CheckFailed(
                    str(problems[0]),
                    details=[str(problem) for problem in problems[1:]],
                    hint=_("Correct the parameter or the template; mail flows on with the former configuration."),
                )

    def _notice(self, wall: str, subject: str, seconds: float, problems: list[Problem]) -> None:
        message = str(problems[0]) if problems else ""
        self.report(Step(wall, subject, "refused" if problems else "done", seconds, message))

    def _apply(self, changes: tuple[ComponentChange, ...]) -> None:
        reactions = {change.component: change.reaction for change in changes}
        for name, component in self.components.items():
            reaction = reactions.get(name, "untouched")
            if not self.host.is_active(component.unit):
                reaction = "start"
            if reaction == "untouched":
                continue
            with self._step(reaction, name):
                # A daemon that was stopped at the end of an earlier attempt may still be on its way down.
                since = time.time()
                if reaction == "start":
                    self.host.act("enable", component.boot_unit)
                self.host.act("restart" if reaction == "start" else reaction, component.unit)
                trouble = component.trouble_after_reload(since) if reaction == "reload" else ""
                if trouble:
                    raise DeploymentError(f"{name}: {trouble}")

    def _probe(self) -> None:
        started = time.monotonic()
        results = self.host.probe(PROBE_SECONDS)
        silent = [f"{r.probe.port} {r.probe.purpose}: {r.error}" for r in results if r.error]
        silent += [
            _("the unit {unit} is not running", unit=component.unit)
            for component in self.components.values()
            if not self.host.is_active(component.unit)
        ]
        outcome = "failed" if silent else "done"
        self.report(Step("probe", "", outcome, time.monotonic() - started, "; ".join(silent)))
        if silent:
            raise DeploymentError(silent[0], details=silent[1:])

    def _take_back(
        self, former: int, changes: tuple[ComponentChange, ...], error: RupostError | KeyboardInterrupt
    ) -> None:
        reason = error.message if isinstance(error, RupostError) else _("cancelled")
        details = error.details if isinstance(error, RupostError) else []
        with self._step("rollback", str(former)):
            self.live.switch(former)
            if former == 0:
                self._stop_all()
            else:
                self._apply(changes)
        if former != 0:
            try:
                self._probe()
            except DeploymentError as second:
                raise DeploymentError(
                    _("{reason}; generation {former} is back, but does not serve either: {second}",
                      reason=reason, former=former, second=second.message),
                    details=second.details,
                    hint=_("See systemctl --failed and /var/log/mail.log."),
                ) from error  # fmt: skip
        raise RolledBack(
            reason,
            details=details,
            hint=_("Correct what is named above. Generation {former} is live again.", former=former)
            if former
            else _("Correct what is named above. No generation is live, as before."),
        ) from error

    def _stop_all(self) -> None:
        for component in reversed(self.components.values()):
            self.host.act("stop", component.unit)

    @contextmanager
    def _step(self, name: str, subject: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        except RupostError as error:
            self.report(Step(name, subject, "failed", time.monotonic() - started, error.message))
            raise
        self.report(Step(name, subject, "done", time.monotonic() - started))
