"""A node's way from one generation to another as a state machine. Pure: decides, and does nothing.

    moving ──────────► ended (done)         every port answered, and nobody is asked to confirm
      │  └─► waiting ─► ended (done)        confirmed in time
      │         │
      ▼         ▼
    returning ───────► ended (rolled_back, or failed when the former generation does not serve either)

    moving ──────────► ended (refused, failed)      before the switch: nothing live was touched

Each arrow is one durable write of the node's record (record.py). Whether the switch has happened is not written: the
link `live` itself says so, since the record is on the disk before the link is renamed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rupost_core.host.clock import Moment
from rupost_core.i18n import translate as _
from rupost_core.quantity import shown_duration

Phase = Literal["moving", "waiting", "returning", "ended"]

LEAST_WINDOW_SECONDS = 10
MOST_WINDOW_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Transition:
    """One deployment on this node. `deployment` is its id in the database; `former` is 0 when none was live.

    `reactions` says what each component does about it: {"postfix": "reload", …}. `settled` is when it began to wait
    for the confirmation. `reason` is why it goes back. `outcome` and `message` are set in the phase `ended`, as
    model.Deployment has them.
    """

    deployment: int
    former: int
    target: int
    reactions: Mapping[str, str]
    author: str
    begun: Moment
    confirm_within: int | None = None
    phase: Phase = "moving"
    settled: Moment | None = None
    reason: str = ""
    outcome: str = ""
    message: str = ""
    confirmed_by: str = ""
    details: tuple[str, ...] = field(default=())

    def waiting(self, now: Moment) -> Transition:
        return dataclasses.replace(self, phase="waiting", settled=now)

    def carried_over(self, now: Moment) -> Transition:
        """After a reboot: the same window by this boot's clock, so that a wrong wall clock is asked only once."""
        if self.settled is None or self.settled.boot == now.boot:
            return self
        return dataclasses.replace(self, settled=now.before(now.seconds_since(self.settled)))

    def returning(self, reason: str) -> Transition:
        """The first reason stays, however often the way back is begun anew."""
        return dataclasses.replace(self, phase="returning", reason=self.reason or reason)

    def ended(
        self, outcome: str, message: str = "", *, confirmed_by: str = "", details: tuple[str, ...] = ()
    ) -> Transition:
        return dataclasses.replace(
            self, phase="ended", outcome=outcome, message=message, confirmed_by=confirmed_by, details=details
        )

    def remaining(self, now: Moment) -> float:
        """Seconds until the former generation returns; only while it waits."""
        if self.settled is None or self.confirm_within is None:
            return 0.0
        return self.confirm_within - now.seconds_since(self.settled)

    @property
    def confirm_until(self) -> float | None:
        """The end of the window in Unix time, for people; the clock that counts is `remaining`."""
        if self.settled is None or self.confirm_within is None:
            return None
        return self.settled.wall + self.confirm_within

    def as_data(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Transition:
        """Raises KeyError, TypeError or ValueError for anything but the `as_data` of this or an older version."""
        known = {one.name for one in dataclasses.fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        values["begun"] = Moment(**values["begun"])
        values["settled"] = Moment(**values["settled"]) if values.get("settled") else None
        values["details"] = tuple(values.get("details") or ())
        return cls(**values)


@dataclass(frozen=True)
class Nothing:
    """No deployment is under way."""


@dataclass(frozen=True)
class File:
    """It is over: `ended` is put away until the database has heard of it."""

    ended: Transition


@dataclass(frozen=True)
class GoBack:
    """The former generation must be made live and taken up by the components."""

    reason: str


@dataclass(frozen=True)
class Wait:
    """It serves, and there are so many seconds left for the confirmation."""

    seconds: float


Decision = Nothing | File | GoBack | Wait


def decide(transition: Transition | None, live: int, now: Moment) -> Decision:
    """What must be done about a record that nobody works on, while `live` is the generation that the link names.

    The caller holds the node's lock, so whoever wrote the record is gone or has finished its part.
    """
    if transition is None:
        return Nothing()
    if transition.phase == "ended":
        return File(transition)
    if transition.phase == "moving" and live == transition.former != transition.target:
        return File(transition.ended("failed", _("cut short before the switch; nothing was changed")))
    if live not in (transition.former, transition.target) or (
        transition.phase == "waiting" and live != transition.target
    ):
        return File(transition.ended("failed", _("the link was moved to generation {live} by hand", live=live)))
    if transition.phase == "moving":
        return GoBack(_("cut short after the switch"))
    if transition.phase == "returning":
        return GoBack(transition.reason)
    remaining = transition.remaining(now)
    if remaining > 0:
        return Wait(remaining)
    return GoBack(_("not confirmed within {duration}", duration=shown_duration(transition.confirm_within or 0)))
