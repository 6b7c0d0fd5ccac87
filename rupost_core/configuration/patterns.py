"""Regular expressions of parameters, matched in time that grows only with the length of the value.

Python's own matcher backtracks: `(a+)+b` needs hours for forty letters, and a template is not always ours. So a
pattern is read by Python's parser, turned into a nondeterministic automaton (K. Thompson, "Regular Expression Search
Algorithm", 1968) and run over the value once, a set of states at a time. What such an automaton cannot express is
refused when the template is read: back references, look-around, word boundaries, atomic groups, flags. Greedy and
lazy repetition mean the same, since the whole value must match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from rupost_core.i18n import translate as _

MAX_PATTERN = 500
MAX_STATES = 1000
# Patterns are for names and codes; a long text has none.
MAX_VALUE = 4000

_CATEGORIES = {
    sre.CATEGORY_DIGIT: re.compile(r"\d"),
    sre.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
    sre.CATEGORY_SPACE: re.compile(r"\s"),
    sre.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    sre.CATEGORY_WORD: re.compile(r"\w"),
    sre.CATEGORY_NOT_WORD: re.compile(r"\W"),
}
_START, _END, _BEFORE_LAST_BREAK = "start", "end", "before the last line break"
_ANCHORS = {
    sre.AT_BEGINNING: frozenset({_START}),
    sre.AT_BEGINNING_STRING: frozenset({_START}),
    sre.AT_END: frozenset({_END, _BEFORE_LAST_BREAK}),
    sre.AT_END_STRING: frozenset({_END}),
}


@dataclass
class _State:
    """`free` are steps that need no character, each with the places where it is allowed (None: everywhere)."""

    free: list[tuple[int, frozenset[str] | None]] = field(default_factory=list)
    test: tuple[Any, Any] | None = None
    target: int = -1


class Pattern:
    """A compiled pattern; raises ValueError with the reason when it is none, or none of the kind above."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise ValueError(_("a pattern has at most {limit} characters", limit=MAX_PATTERN))
        try:
            parsed = parser.parse(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(_("not a regular expression: {reason}", reason=error)) from error
        if parsed.state.flags & ~re.UNICODE:
            raise ValueError(_("flags are not allowed in a pattern"))
        self._states: list[_State] = []
        self._first = self._new()
        self._last = self._sequence(parsed, self._first)

    def matches(self, value: str) -> bool:
        """Whether the whole value has the pattern's form; a value longer than MAX_VALUE never has."""
        if len(value) > MAX_VALUE:
            return False
        current = self._reachable({self._first}, _places(value, 0))
        for position, character in enumerate(value):
            moved = {
                state.target for state in (self._states[n] for n in current)
                if state.test is not None and _accepts(*state.test, character)
            }  # fmt: skip
            if not moved:
                return False
            current = self._reachable(moved, _places(value, position + 1))
        return self._last in current

    def example(self) -> str | None:
        """A short value of the pattern's form, or None when none of plain characters was found."""
        known: dict[int, str] = {self._first: ""}
        waiting = [self._first]
        while waiting:
            number = waiting.pop(0)
            state, text = self._states[number], known[number]
            steps = [(target, text) for target, _allowed in state.free]
            if state.test is not None and (character := _character_for(*state.test)):
                steps.append((state.target, text + character))
            for target, longer in steps:
                if target not in known:
                    known[target] = longer
                    waiting.append(target)
        text = known.get(self._last, "")
        return text if text and self.matches(text) else None

    def _reachable(self, states: set[int], places: frozenset[str]) -> set[int]:
        found, waiting = set(states), list(states)
        while waiting:
            for target, allowed in self._states[waiting.pop()].free:
                if target not in found and (allowed is None or allowed & places):
                    found.add(target)
                    waiting.append(target)
        return found

    def _new(self) -> int:
        if len(self._states) >= MAX_STATES:
            raise ValueError(_("the pattern is too large: its repetitions multiply"))
        self._states.append(_State())
        return len(self._states) - 1

    def _join(self, origin: int, target: int, places: frozenset[str] | None = None) -> None:
        self._states[origin].free.append((target, places))

    def _sequence(self, items: Any, start: int) -> int:
        for operation, argument in items:
            start = self._item(operation, argument, start)
        return start

    def _item(self, operation: Any, argument: Any, start: int) -> int:
        if operation in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            self._states[start].test, self._states[start].target = (operation, argument), self._new()
            return self._states[start].target
        if operation is sre.SUBPATTERN:
            _group, added, removed, content = argument
            if added or removed:
                raise ValueError(_("flags are not allowed in a pattern"))
            return self._sequence(content, self._after(start))
        if operation is sre.BRANCH:
            end = self._new()
            for branch in argument[1]:
                self._join(self._sequence(branch, self._after(start)), end)
            return end
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, content = argument
            return self._repeat(least, most, content, start)
        if operation is sre.AT and argument in _ANCHORS:
            end = self._new()
            self._join(start, end, _ANCHORS[argument])
            return end
        raise ValueError(
            _("“{construct}” is not allowed in a pattern: its time could not be bounded",
              construct=str(operation).lower())
        )  # fmt: skip

    def _repeat(self, least: int, most: Any, content: Any, start: int) -> int:
        for _time in range(least):
            start = self._sequence(content, self._after(start))
        end = self._new()
        if most is sre.MAXREPEAT:
            loop = self._after(start)
            self._join(self._sequence(content, self._after(loop)), loop)
            self._join(loop, end)
            return end
        for _time in range(most - least):
            self._join(start, end)
            start = self._sequence(content, self._after(start))
        self._join(start, end)
        return end

    def _after(self, start: int) -> int:
        """A fresh state behind `start`: one that consumes a character must have no other way out."""
        fresh = self._new()
        self._join(start, fresh)
        return fresh


@lru_cache(maxsize=256)
def compiled(text: str) -> Pattern:
    return Pattern(text)


def _places(value: str, position: int) -> frozenset[str]:
    places = set()
    if position == 0:
        places.add(_START)
    if position == len(value):
        places.add(_END)
    if position == len(value) - 1 and value[position] == "\n":
        places.add(_BEFORE_LAST_BREAK)
    return frozenset(places)


@lru_cache(maxsize=4096)
def _in_category(category: Any, character: str) -> bool:
    return _CATEGORIES[category].match(character) is not None


def _accepts(operation: Any, argument: Any, character: str) -> bool:
    if operation is sre.LITERAL:
        return ord(character) == int(argument)
    if operation is sre.NOT_LITERAL:
        return ord(character) != int(argument)
    if operation is sre.ANY:
        return character != "\n"
    negated, found = False, False
    for kind, what in argument:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            found = found or ord(character) == what
        elif kind is sre.RANGE:
            found = found or what[0] <= ord(character) <= what[1]
        else:
            found = found or _in_category(what, character)
    return found != negated


def _character_for(operation: Any, argument: Any) -> str:
    if operation is sre.LITERAL:
        return chr(argument)
    candidates = "a0Az-._@:/ +=%!~я"
    if operation is sre.IN:
        candidates += "".join(chr(what) for kind, what in argument if kind is sre.LITERAL)
    return next((one for one in candidates if _accepts(operation, argument, one)), "")
