"""How a node's components take up the generation that the link names, and whether they serve with it.

Forward, one after the other, the first trouble stops the way. Backward, every component is brought home, whatever
becomes of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rupost_core.components.model import Component
from rupost_core.components.probe import ProbeResult
from rupost_core.errors import CommandFailed, DeploymentError, RupostError
from rupost_core.i18n import translate as _

PROBE_SECONDS = 20.0
# States of a unit (systemctl(1), is-active) in which nothing of it runs; in all others it may read the old files.
_AT_REST = frozenset({"inactive", "failed", "unknown"})


@dataclass(frozen=True)
class Step:
    """One step as it ended. `name` is stage, the name of a wall, switch, start, reload, restart, probe or rollback.

    `subject` is the component, or the generation. `outcome` is done, refused, skipped, warning or failed.
    """

    name: str
    subject: str
    outcome: str
    seconds: float
    message: str = ""


Report = Callable[[Step], None]


class Host(Protocol):
    """What a deployment does to the node besides files (node_host.py is the real one)."""

    def act(self, action: str, unit: str) -> None:
        """A verb of systemctl(1); raises CommandFailed."""
        ...

    def states(self, units: Collection[str]) -> dict[str, str]:
        """Each unit's state as `systemctl is-active` names it: active, inactive, failed, activating, …"""
        ...

    def probe(self, within_seconds: float) -> list[ProbeResult]:
        """Every public port, asked until it answers or the time is over."""
        ...


@contextmanager
def step(report: Report, name: str, subject: str) -> Iterator[None]:
    """Reports the body as a step when it ends."""
    started = time.monotonic()
    try:
        yield
    except RupostError as error:
        report(Step(name, subject, "failed", time.monotonic() - started, error.message))
        raise
    report(Step(name, subject, "done", time.monotonic() - started))


@dataclass
class Uptake:
    """`components` in the order in which they are switched; `reactions` maps their names to a plan.Reaction."""

    components: Mapping[str, Component]
    host: Host
    report: Report

    def forward(self, reactions: Mapping[str, str]) -> None:
        """Raises CommandFailed or DeploymentError at the first component that does not take it up.

        A unit that does not run is started, also where nothing of it has changed.
        """
        states = self._states()
        for name, component in self.components.items():
            reaction = reactions.get(name, "untouched")
            if states[component.unit] != "active":
                reaction = "start"
            if reaction == "untouched":
                continue
            with step(self.report, reaction, name):
                if reaction == "start":
                    self.host.act("enable", component.boot_unit)
                # A daemon that was stopped at the end of an earlier attempt may still be on its way down.
                self._act(component, "restart" if reaction == "start" else reaction)

    def back(self, reactions: Mapping[str, str]) -> list[str]:
        """Brings every component to what the link names again; returns the troubles.

        First, in order, whatever must be started or restarted: a Postfix that is reloaded while Dovecot is away gives
        up its authenticated port for a minute. Then the reloads, all at once, since mail waits.
        """
        states = self._states()
        actions = {
            component: _way_back(reactions.get(name, "untouched"), states[component.unit])
            for name, component in self.components.items()
        }

        def carry_out(component: Component) -> str:
            action = actions[component]
            try:
                with step(self.report, action, component.name):
                    self._act(component, action)
            except (CommandFailed, DeploymentError) as error:
                return error.message
            return ""

        first = [component for component, action in actions.items() if action in ("start", "restart")]
        then = [component for component, action in actions.items() if action == "reload"]
        troubles = [carry_out(component) for component in first]
        with ThreadPoolExecutor(max(1, len(then))) as pool:
            troubles += pool.map(carry_out, then)
        return [trouble for trouble in troubles if trouble]

    def stop_all(self) -> list[str]:
        """For a node that has no generation to go back to; returns the troubles."""
        troubles = []
        for component in reversed(list(self.components.values())):
            try:
                self.host.act("stop", component.unit)
            except CommandFailed as error:
                troubles.append(error.message)
        return troubles

    def probe(self) -> None:
        """Raises DeploymentError unless every public port answers in time and every unit runs."""
        started = time.monotonic()
        silent = list(self.silent(PROBE_SECONDS).values())
        outcome = "failed" if silent else "done"
        self.report(Step("probe", "", outcome, time.monotonic() - started, "; ".join(silent)))
        if silent:
            raise DeploymentError(silent[0], details=silent[1:])

    def silent(self, within_seconds: float) -> dict[str, str]:
        """What does not serve, and how that shows: {"25 SMTP": "25 SMTP: connection refused", …}."""
        found = {}
        for result in self.host.probe(within_seconds):
            if result.error:
                subject = f"{result.probe.port} {result.probe.purpose}"
                found[subject] = f"{subject}: {result.error}"
        for unit, state in self._states().items():
            if state != "active":
                found[unit] = _("the unit {unit} is not running", unit=unit)
        return found

    def _act(self, component: Component, action: str) -> None:
        since = time.time()
        self.host.act(action, component.unit)
        trouble = component.trouble_after_reload(since) if action == "reload" else ""
        if trouble:
            raise DeploymentError(f"{component.name}: {trouble}")

    def _states(self) -> dict[str, str]:
        return self.host.states([component.unit for component in self.components.values()])


def _way_back(reaction: str, state: str) -> str:
    """What a component does whose unit is in that state.

    One that is on its way up or down may have read either generation. One that is just reloading is reloaded once
    more: systemd does the one after the other.
    """
    if state in _AT_REST:
        return "start"
    if state not in ("active", "reloading") or reaction == "start":
        return "restart"
    return reaction
