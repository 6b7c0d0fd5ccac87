"""Which parameters a refused line was made from.

A template is a program, so the question is put to the program: the file is rendered again with one parameter at
another valid value, and where the line is then another one, or gone, it came from that parameter. This costs some
renderings of the one file and is done only when something was refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from rupost_core.components.model import Problem
from rupost_core.configuration.confinement import render_variants
from rupost_core.configuration.library import Template
from rupost_core.configuration.model import RenderedFile, Surroundings
from rupost_core.configuration.parameters import Value, Values, as_data, read
from rupost_core.configuration.schema import Parameter
from rupost_core.errors import TemplateError

Lint = Callable[[tuple[RenderedFile, ...]], Sequence[Problem]]

# How many other values are tried: one alone may happen to give the same line (a size in kilobytes, a choice of two).
_ENOUGH = 2

# Something else of each type that a reader of the file would not take for the value it stands for.
_OTHERS: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "string": ("blame", "other"),
    "secret": ("blame", "other"),
    "hostname": ("blame.invalid", "other.invalid"),
    "endpoint": ("blame.invalid:9", "other.invalid:10"),
    "network": ("192.0.2.0/24", "198.51.100.0/24"),
    "path": ("/blame", "/other"),
    "milter": ("custom inet:blame.invalid:9", "custom unix:/other"),
    "time_zone": ("Etc/UTC", "Etc/GMT+1"),
}


def blame(
    template: Template,
    values: Values,
    surroundings: Surroundings,
    files: Sequence[RenderedFile],
    problems: Sequence[Problem],
    lint: Lint | None = None,
) -> list[Problem]:
    """The problems, each with the parameters that its line came from where there are any.

    `files` are those that were refused. They may differ from what the template gives (an override lies over it): a
    line that is not the template's is blamed on no parameter. With `lint` (what it finds in files) a problem of two
    files that do not agree is blamed on the parameter without which it would not be, also where the line that is
    named is the other file's.
    """
    refused = {file.path: file.lines for file in files}
    paths = {problem.file for problem in problems if not problem.parameter} & refused.keys()
    origins = {path: _Origins(template, values, surroundings, path) for path in paths}
    blamed = [
        origins[problem.file].blamed(problem, refused[problem.file]) if problem.file in origins else problem
        for problem in problems
    ]
    if lint is None or all(problem.parameter for problem in blamed):
        return blamed
    return _without(template, values, surroundings, files, blamed, lint)


def _without(
    template: Template,
    values: Values,
    surroundings: Surroundings,
    files: Sequence[RenderedFile],
    problems: list[Problem],
    lint: Lint,
) -> list[Problem]:
    """Blames what the lint would not find with one of the administrator's own values back at its default."""
    others: list[tuple[str, Values]] = []
    for name, parameter in template.spec.parameters.items():
        with suppress(ValueError):  # it has no default
            default = read(parameter, parameter.default)
            if as_data({"": default}) != as_data({"": values[name]}):
                others.append((name, {**values, name: default}))
    variants = [values, *(other for _name, other in others)]
    own, *rendered = render_variants(template, variants, surroundings)
    if tuple(files) != own:
        return problems
    found = {_same(problem) for problem in lint(tuple(files))}
    for (name, _other), without in zip(others, rendered, strict=True):
        if without is None or all(problem.parameter or _same(problem) not in found for problem in problems):
            continue
        left = {_same(problem) for problem in lint(without)}
        problems = [
            replace(problem, parameter=name)
            if not problem.parameter and _same(problem) in found and _same(problem) not in left
            else problem
            for problem in problems
        ]
    return problems


def _same(problem: Problem) -> tuple[str, str]:
    """What two problems have in common that are the same but for the line, which moves with other lines."""
    return problem.file, problem.reason


@dataclass(frozen=True)
class _Trace:
    """The lines of the file, counted from 0, that change with a parameter."""

    parameter: str
    lines: frozenset[int]


class _Origins:
    """Where the lines of one file come from."""

    def __init__(self, template: Template, values: Values, surroundings: Surroundings, path: str) -> None:
        self._spec = template.spec
        self._values = values
        self._template, self._surroundings, self._path = template, surroundings, path
        others = [
            (name, other)
            for name, parameter in self._spec.parameters.items()
            for other in _other_values(parameter, values[name])
        ]
        own, *rendered = self._rendered([values, *({**values, name: other} for name, other in others)])
        self._lines: list[str] = own or []
        changed: dict[str, set[int]] = {}
        for (name, _other), lines in zip(others, rendered, strict=True):
            if lines is not None:
                changed.setdefault(name, set()).update(_lines_lost(self._lines, lines))
        self._traces = [_Trace(name, frozenset(lines)) for name, lines in changed.items() if lines]

    def blamed(self, problem: Problem, refused: list[str]) -> Problem:
        line = self._own_line(problem.line, refused)
        if line is None:
            return problem
        touching = [trace for trace in self._traces if line in trace.lines]
        if touching:
            # A parameter that moves half of the file is less to blame for a line than one that makes it alone.
            fewest = min(len(trace.lines) for trace in touching)
            names = [trace.parameter for trace in touching if len(trace.lines) == fewest]
            return replace(problem, parameter=", ".join(names), parameter_line=self._line_in(names, line))
        # A brace or a quote that is not closed shows where the file ends, behind the administrator's own text.
        before = [trace for trace in self._traces if self._is_text(trace.parameter) and max(trace.lines) < line]
        if len(before) == 1:
            return replace(problem, parameter=before[0].parameter)
        return problem

    def _is_text(self, parameter: str) -> bool:
        return self._spec.parameters[parameter].type == "text"

    def _own_line(self, number: int | None, refused: list[str]) -> int | None:
        """The template's line (from 0) that stands at the line `number` (from 1) of the refused file."""
        if number is None:
            return None
        if refused == self._lines:
            return number - 1
        for block in difflib.SequenceMatcher(None, self._lines, refused, autojunk=False).get_matching_blocks():
            if block.b <= number - 1 < block.b + block.size:
                return block.a + number - 1 - block.b
        return None

    def _rendered(self, variants: list[Values]) -> list[list[str] | None]:
        """The file's lines for each; None when the template cannot do with the values (a login, no password)."""
        try:
            rendered = render_variants(self._template, variants, self._surroundings, only={self._path})
        except TemplateError:
            return [None] * len(variants)
        return [files[0].lines if files else None for files in rendered]

    def _line_in(self, names: list[str], line: int) -> int | None:
        """Which line of a text of several lines stands at the file's line."""
        value = self._values[names[0]]
        if len(names) > 1 or not self._is_text(names[0]) or not isinstance(value, str):
            return None
        own = value.splitlines()
        starts = [start for start in range(len(self._lines)) if self._lines[start : start + len(own)] == own and own]
        return next((line - start + 1 for start in starts if start <= line < start + len(own)), None)


def _other_values(parameter: Parameter, value: Value) -> Iterator[Value]:
    """A few valid values of the parameter that differ from the given one."""
    current = as_data({"": value})[""]
    proposed: list[Any] = [parameter.default, parameter.minimum, parameter.maximum]
    proposed += parameter.choices or ()
    proposed += _OTHERS.get(parameter.type, ())
    if isinstance(current, int) and not isinstance(current, bool):
        proposed += [current + 1, current * 2 + 1, current - 1]
    found: list[Any] = []
    # Nothing comes last: without a value whole blocks of a template may vanish, which tells less.
    for raw in [*(raw for raw in proposed if raw is not None), None]:
        try:
            other = read(parameter, [raw] if parameter.many and raw and not isinstance(raw, list) else raw)
        except ValueError:
            continue
        data = as_data({"": other})[""]
        if data not in (current, *found) and len(found) < _ENOUGH:
            found.append(data)
            yield other


def _lines_lost(lines: list[str], others: list[str]) -> set[int]:
    matcher = difflib.SequenceMatcher(None, lines, others, autojunk=False)
    return {
        index
        for tag, start, end, _start, _end in matcher.get_opcodes()
        if tag in ("replace", "delete")
        for index in range(start, end)
    }
