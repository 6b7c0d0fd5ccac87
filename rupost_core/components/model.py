"""What an adapter says and is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

from rupost_core.host.commands import Finished, run
from rupost_core.i18n import translate as _
from rupost_core.text import place


@dataclass(frozen=True)
class Problem:
    """Why a configuration is refused. `file` is relative to the live root, or "" where no file is to blame.

    `file` is "" where no file is to blame.
    `parameter` is the template's parameter that the line came from (several, joined with ", ", where they share it),
    or "" where it came from none. In a parameter of several lines, `parameter_line` is the line there, from 1.
    """

    component: str
    file: str
    line: int | None
    reason: str
    parameter: str = ""
    parameter_line: int | None = None

    def __str__(self) -> str:
        where = f"{self.component}: {place(self.file, self.line)}" if self.file else self.component
        if self.parameter:
            where += " (" + _("parameter {name}", name=place(self.parameter, self.parameter_line)) + ")"
        return f"{where}: {self.reason}"


@dataclass(frozen=True)
class StagedView:
    """A staged generation, seen at the live path.

    Programs run in a mount namespace of their own in which the staged folder lies over the live one: checkers read
    the very bytes, at the very paths, that the daemons will read, while the running daemons see nothing of it.
    """

    staged: Path
    live: Path

    def run(self, arguments: Sequence[str | PurePath], *, timeout: float = 30.0) -> Finished:
        """Runs a program in the view; it does not raise for a non-zero exit."""
        enter = 'mount --bind -- "$1" "$2" && shift 2 && exec "$@"'
        return run(
            ["unshare", "--mount", "--propagation", "private", "--", "/bin/sh", "-c", enter, "sh",
             self.staged, self.live, *arguments],
            timeout=timeout,
            check=False,
        )  # fmt: skip

    def real(self, path: str) -> Path:
        """Where what a program of the view sees at the path lies outside of it."""
        inside = PurePath(path).is_relative_to(self.live)
        return self.staged / PurePath(path).relative_to(self.live) if inside else Path(path)

    def text(self, file: str) -> str:
        """A staged file's text, `file` relative to the live root; "" when it is missing."""
        try:
            # As bytes: reading as text would turn carriage returns into line ends, which the daemons do not.
            return (self.staged / file).read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def relative(self, path: str) -> str:
        """A path that a checker printed, relative to the live root."""
        for root in (self.live, self.staged):
            prefix = f"{root}/"
            if path.startswith(prefix):
                return path[len(prefix) :]
        return path

    def line_of(self, file: str, pattern: str) -> int | None:
        """The last line of a staged file that the regular expression matches: the later of two settings wins."""
        lines = self.text(file).split("\n")
        matching = [number for number, line in enumerate(lines, 1) if re.search(pattern, line)]
        return matching[-1] if matching else None


class Component(Protocol):
    """An adapter. `main_file` is relative to the live root; the version of Debian's `package` is the component's.

    `unit` is what is reloaded and watched; `boot_unit` is what brings it up with the machine.
    """

    name: str
    unit: str
    boot_unit: str
    main_file: str
    package: str

    def check(self, view: StagedView) -> list[Problem]:
        """Asks the component's own checker; an empty list means that it accepts the configuration."""
        ...

    def trouble_after_reload(self, since: float) -> str:
        """Why the daemon still runs with its former configuration after a reload at the time `since`, or "".

        Some daemons report a good reload and go on as before when the new configuration fails only in earnest.
        """
        ...


def problems_by_pattern(
    component: str, view: StagedView, output: str, pattern: re.Pattern[str], main_file: str
) -> list[Problem]:
    """A checker's problems, by a pattern with the groups `reason` and, where it tells them, `file` and `line`."""
    found = []
    for match in pattern.finditer(output):
        groups = match.groupdict()
        file = view.relative(groups["file"]) if groups.get("file") else main_file
        line = int(groups["line"]) if groups.get("line") else None
        problem = located(view, Problem(component, file, line, " ".join(groups["reason"].split())))
        if problem not in found:
            found.append(problem)
    return found


_NAMED_WORD = re.compile(r"'([^'\s]{3,})'|\"([^\"\s]{3,})\"|(\d+\.\d+\.\d+\.\d+(?::\d+)?)")


def located(view: StagedView, problem: Problem) -> Problem:
    """A problem without a line, put at the only line of the component's files that holds a word which it quotes."""
    if problem.line is not None:
        return problem
    for quoted in _NAMED_WORD.findall(problem.reason):
        word = next(filter(None, quoted))
        places = [
            (str(path.relative_to(view.staged)), number)
            for path in sorted((view.staged / problem.component).glob("*"))
            if path.is_file()
            for number, line in enumerate(view.text(str(path.relative_to(view.staged))).split("\n"), 1)
            if word in line
        ]
        if len(places) == 1:
            return replace(problem, file=places[0][0], line=places[0][1])
    return problem
