"""Putting a node right after whoever deployed was cut short, and going back to the former generation.

Needs no database and little time to start, since at boot the daemons wait for it. The caller holds the node's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rupost_core.components.model import Component
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.transition import File, GoBack, Transition, Wait, decide
from rupost_core.configuration.uptake import Host, Report, Uptake, step
from rupost_core.errors import DeploymentError
from rupost_core.host import clock
from rupost_core.i18n import translate as _


@dataclass
class Recovery:
    """Whatever of it is cut short is done again, with the same end, by the next `run`."""

    live: LiveConfiguration
    components: Mapping[str, Component]
    host: Host
    report: Report
    clock: Callable[[], clock.Moment] = clock.now

    def settle_link(self) -> None:
        """Only the link, which daemons must not be started before; `run` does the rest."""
        transition, now = self.live.record.load(), self.clock()
        decision = decide(transition, self.live.current(), now)
        if transition and isinstance(decision, GoBack) and self._has_folder(transition.former):
            self._switch_back(transition, decision.reason)
        if transition and isinstance(decision, Wait) and transition.carried_over(now) != transition:
            self.live.record.save(transition.carried_over(now))

    def run(self) -> Transition | None:
        """The deployment that this has ended, if there was one."""
        transition = self.live.record.load()
        if transition is None:
            return None
        decision = decide(transition, self.live.current(), self.clock())
        if isinstance(decision, GoBack):
            self.live.clear_leftovers()
            return self.go_back(transition, decision.reason)
        if isinstance(decision, File):
            self.live.clear_leftovers()
            self.live.record.file(decision.ended)
            return decision.ended
        return None

    def go_back(self, transition: Transition, reason: str, details: tuple[str, ...] = ()) -> Transition:
        """Link, components, probe; returns the transition as it ended, rolled_back or failed."""
        former = transition.former
        if not self._has_folder(former):
            lost = _("{reason}; the files of generation {former} are gone from this node, so nothing was moved",
                     reason=reason, former=former)  # fmt: skip
            return self._end(transition.ended("failed", lost, details=details))
        uptake = Uptake(self.components, self.host, self.report)
        with step(self.report, "rollback", str(former)):
            returning = self._switch_back(transition, reason)
        if former == 0:
            troubles = uptake.stop_all()
        else:
            troubles = uptake.back(transition.reactions)
            try:
                uptake.probe()
            except DeploymentError as error:
                troubles += [error.message, *error.details]
        if troubles:
            still = _("{reason}; generation {former} is back, but does not serve either: {second}",
                      reason=returning.reason, former=former, second=troubles[0])  # fmt: skip
            return self._end(returning.ended("failed", still, details=tuple(troubles[1:])))
        return self._end(returning.ended("rolled_back", returning.reason, details=details))

    def _switch_back(self, transition: Transition, reason: str) -> Transition:
        returning = transition.returning(reason)
        if returning != transition:
            self.live.record.save(returning)
        if self.live.current() != returning.former:
            self.live.switch(returning.former)
        return returning

    def _end(self, ended: Transition) -> Transition:
        self.live.record.end(ended)
        return ended

    def _has_folder(self, number: int) -> bool:
        return self.live.folder(number).is_dir()
