"""Going through the steps, whoever shows it: a driver hands over the actions and is told what begins and ends.

Nothing here touches the machine; the clock is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from rupost_core.errors import RupostError
from wizard.steps import STEPS, Step


class Outcome(StrEnum):
    """`present`: it was there already. `skipped`: --no-services."""

    DONE = "done"
    PRESENT = "present"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """What an action says about itself."""

    outcome: Outcome
    message: str = ""


@dataclass(frozen=True)
class Report:
    """A step that ended."""

    step: Step
    outcome: Outcome
    seconds: float
    message: str

    def as_data(self) -> dict[str, Any]:
        return {
            "number": self.step.number,
            "key": self.step.key,
            "title": self.step.title,
            "outcome": self.outcome.value,
            "seconds": round(self.seconds, 3),
            "message": self.message,
        }


class Listener(Protocol):
    def began(self, step: Step) -> None: ...

    def ended(self, report: Report) -> None: ...


Action = Callable[[], Result]


def go(actions: Mapping[str, Action], listener: Listener, clock: Callable[[], float]) -> None:
    """Carries out every step in order; `clock` counts seconds. The first error ends it, after it was reported."""
    for step in STEPS:
        listener.began(step)
        started = clock()
        try:
            result = actions[step.key]()
        except RupostError as error:
            listener.ended(Report(step, Outcome.FAILED, clock() - started, error.message))
            raise
        listener.ended(Report(step, result.outcome, clock() - started, result.message))
