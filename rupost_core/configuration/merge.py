"""Three-way merging of texts by lines (diff3): one side's changes against the other's, over what both came from.

Where only one side changed, its lines are taken; where both made the same change, it is taken once; where they
differ it is a conflict and nothing is guessed. Changes beside each other, without a common line between them, come
together when each put one line in place of one line, as settings stand in a configuration file; else they conflict.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Lines = tuple[str, ...]
Side = Literal["same", "theirs", "yours", "both", "conflict"]

_LEFT, _BASE, _MIDDLE, _RIGHT = "<<<<<<< ", "||||||| ", "=======", ">>>>>>> "


@dataclass(frozen=True)
class Region:
    """A stretch of the three texts. `side` tells who changed it; `line` is where it begins in `theirs`, from 1."""

    side: Side
    line: int
    base: Lines
    theirs: Lines
    yours: Lines

    @property
    def merged(self) -> Lines:
        """What the merge takes; empty for a conflict."""
        if self.side == "conflict":
            return ()
        return self.yours if self.side == "yours" else self.theirs


@dataclass(frozen=True)
class Merge:
    """The regions in order. `text` is the merged text, or None where there are conflicts."""

    regions: tuple[Region, ...]

    @property
    def conflicts(self) -> tuple[Region, ...]:
        return tuple(region for region in self.regions if region.side == "conflict")

    @property
    def text(self) -> str | None:
        if self.conflicts:
            return None
        return "".join(line for region in self.regions for line in region.merged)

    def marked(self, theirs: str, base: str, yours: str) -> str:
        """The merged text with every conflict written out between markers, named by the three labels."""
        parts: list[str] = []
        for region in self.regions:
            if region.side != "conflict":
                parts += region.merged
                continue
            parts += [f"{_LEFT}{yours}\n", *_closed(region.yours), f"{_BASE}{base}\n", *_closed(region.base)]
            parts += [f"{_MIDDLE}\n", *_closed(region.theirs), f"{_RIGHT}{theirs}\n"]
        return "".join(parts)


def marker_line(text: str) -> int | None:
    """The first line that still holds a marker of `Merge.marked`, from 1."""
    for number, line in enumerate(lines_of(text), 1):
        if line.startswith((_LEFT, _BASE, _RIGHT)):
            return number
    return None


def lines_of(text: str) -> Lines:
    """The lines with their ends; only LF ends a line, so that joining them gives the text back."""
    parts = text.split("\n")
    ended = tuple(f"{part}\n" for part in parts[:-1])
    return (*ended, parts[-1]) if parts[-1] else ended


def merge(base: str, theirs: str, yours: str) -> Merge:
    """Merges two texts that both came from `base`."""
    one, two, three = lines_of(base), lines_of(theirs), lines_of(yours)
    return Merge(tuple(_regions(one, two, three)))


def _regions(base: Lines, theirs: Lines, yours: Lines) -> Iterator[Region]:
    at_base = at_theirs = at_yours = 0
    for start, their_start, your_start, length in _common(base, theirs, yours):
        before = (base[at_base:start], theirs[at_theirs:their_start], yours[at_yours:your_start])
        if any(before):
            yield from _changed(at_theirs + 1, *before)
        if length:
            same = base[start : start + length]
            yield Region("same", their_start + 1, same, same, same)
        at_base, at_theirs, at_yours = start + length, their_start + length, your_start + length


def _changed(line: int, base: Lines, theirs: Lines, yours: Lines) -> Iterator[Region]:
    whole = _region(line, base, theirs, yours)
    if whole.side != "conflict" or not len(base) == len(theirs) == len(yours):
        yield whole
        return
    for offset, (one, two, three) in enumerate(zip(base, theirs, yours, strict=True)):
        yield _region(line + offset, (one,), (two,), (three,))


def _region(line: int, base: Lines, theirs: Lines, yours: Lines) -> Region:
    side: Side = "conflict"
    if theirs == yours:
        side = "both"
    elif theirs == base:
        side = "yours"
    elif yours == base:
        side = "theirs"
    return Region(side, line, base, theirs, yours)


def _common(base: Lines, theirs: Lines, yours: Lines) -> list[tuple[int, int, int, int]]:
    """(start in base, in theirs, in yours, length) of what all three share, in order; an empty one ends the list."""
    found = []
    left, right = _matches(base, theirs), _matches(base, yours)
    i = j = 0
    while i < len(left) and j < len(right):
        (one, their, many), (two, your, more) = left[i], right[j]
        start, end = max(one, two), min(one + many, two + more)
        if start < end:
            found.append((start, their + start - one, your + start - two, end - start))
        if one + many < two + more:
            i += 1
        else:
            j += 1
    return [*found, (len(base), len(theirs), len(yours), 0)]


def _matches(base: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, int]]:
    blocks = difflib.SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()
    return [(block.a, block.b, block.size) for block in blocks if block.size]


def _closed(lines: Lines) -> Lines:
    """With a line end after the last line, so that a marker begins a line of its own."""
    if lines and not lines[-1].endswith("\n"):
        return (*lines[:-1], lines[-1] + "\n")
    return lines
