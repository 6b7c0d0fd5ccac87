"""The walls that a generation must pass before anything live changes.

Each looks at the whole staged generation and says what is wrong with it. A wall can be left out only by its name, by
an administrator who says so; the journal keeps it (service.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from rupost_core.components.model import Component, Problem, StagedView
from rupost_core.configuration.model import RenderedFile
from rupost_core.errors import RupostError
from rupost_core.i18n import translate as _

WallName = Literal["lint", "checkers", "shadow"]
WALLS: tuple[WallName, ...] = get_args(WallName)


@dataclass(frozen=True)
class Candidate:
    """A staged generation as the walls see it: its files as values, and the same files on disk."""

    files: tuple[RenderedFile, ...]
    view: StagedView


class Notice(Protocol):
    """What a wall tells while it looks: the subject, seconds, its problems, and what is only worth a warning."""

    def __call__(
        self, subject: str, seconds: float, problems: Sequence[Problem], warnings: Sequence[Problem] = ()
    ) -> None: ...


class Wall(Protocol):
    """One kind of examination. `name` is what it is called in options, steps and the journal.

    `after_others`: it is dear, and only looks at what every wall before it has passed.
    """

    name: WallName
    after_others: bool

    def problems(self, candidate: Candidate, notice: Notice) -> list[Problem]: ...


class Checkers:
    """Every component's own checker, side by side, on the staged files."""

    name: WallName = "checkers"
    after_others = False

    def __init__(self, components: Mapping[str, Component]) -> None:
        self._components = components

    def problems(self, candidate: Candidate, notice: Notice) -> list[Problem]:
        def check(component: Component) -> list[Problem]:
            started = time.monotonic()
            found = _checked(component, candidate.view)
            notice(component.name, time.monotonic() - started, found)
            return found

        with ThreadPoolExecutor(4) as pool:
            checked = list(pool.map(check, self._components.values()))
        return [problem for found in checked for problem in found]


def _checked(component: Component, view: StagedView) -> list[Problem]:
    """A component without its main file, and a checker that cannot do its work, are problems too: never a pass."""
    if not (view.staged / component.main_file).is_file():
        return [Problem(component.name, component.main_file, None, _("the file is missing"))]
    try:
        return component.check(view)
    except (RupostError, OSError) as error:
        return [Problem(component.name, component.main_file, None, str(error))]
