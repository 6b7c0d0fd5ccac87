"""The three-way view of a drifted file: what was deployed, what lies there, what the next deployment would give."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from rupost_core.configuration.drift import Drift
from rupost_core.configuration.merge import Lines, lines_of

_CONTEXT_LINES = 2


@dataclass(frozen=True)
class ThreeWay:
    """A unified difference from the deployed text to the one on disk.

    Where the next deployment would change the same lines, lines that begin with `>` follow and tell what it would put
    there; `meets_next` says that there are such places. `next_changes` says whether it changes the file at all.
    """

    diff: tuple[str, ...]
    added_lines: int
    removed_lines: int
    next_changes: bool
    meets_next: bool


@dataclass(frozen=True)
class DriftView:
    """A drifted path as a person looks into it. Without `view` there is nothing to compare, or it is not text.

    For a file that holds secrets `view.diff` is empty unless they were asked for.
    """

    drift: Drift
    secret: bool
    view: ThreeWay | None


def three_way(deployed: str, on_disk: str, coming: str) -> ThreeWay:
    base, disk, following = lines_of(deployed), lines_of(on_disk), lines_of(coming)
    matcher = difflib.SequenceMatcher(None, base, disk, autojunk=False)
    changes = [
        (start, end, their_start, their_end)
        for tag, start, end, their_start, their_end in difflib.SequenceMatcher(
            None, base, following, autojunk=False
        ).get_opcodes()
        if tag != "equal"
    ]
    diff: list[str] = []
    added = removed = 0
    meets = False
    for group in matcher.get_grouped_opcodes(_CONTEXT_LINES):
        first, last = group[0], group[-1]
        diff.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@")
        for tag, start, end, disk_start, disk_end in group:
            if tag == "equal":
                diff += _prefixed(" ", base[start:end])
                continue
            removed += end - start
            added += disk_end - disk_start
            diff += _prefixed("-", base[start:end]) + _prefixed("+", disk[disk_start:disk_end])
            touched = [change for change in changes if change[0] <= end and change[1] >= start]
            if touched:
                meets = True
                lines = [line for change in touched for line in following[change[2] : change[3]]]
                diff += _prefixed(">", lines) or [">"]
    return ThreeWay(tuple(diff), added, removed, bool(changes), meets)


def _prefixed(mark: str, lines: Lines | Sequence[str]) -> list[str]:
    return [mark + line.rstrip("\n") for line in lines]


def _range(start: int, end: int) -> str:
    """A range of lines as unified differences write it."""
    length = end - start
    return f"{start + 1 if length else start},{length}" if length != 1 else str(start + 1)
