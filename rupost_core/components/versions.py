"""Versions of software and ranges of them, as templates write them: `>=3.5 <4`."""

from __future__ import annotations

import re
from collections.abc import Iterable


def within(version: str, wanted: str) -> bool:
    """Whether the version holds every condition of the range; missing numbers are zeros (3.5 is 3.5.0)."""
    return all(_holds(version, condition) for condition in wanted.split())


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def newest(versions: Iterable[str]) -> str | None:
    return max(versions, key=numbers, default=None)


def is_empty(wanted: str) -> bool:
    """Whether no version can hold every condition of the range."""
    bounds = [(match[1], numbers(match[2])) for match in map(_CONDITION.fullmatch, wanted.split()) if match]
    length = max((len(limit) for _sign, limit in bounds), default=0) + 1
    # Between two neighbouring limits all versions are alike, so the limits and what follows each are enough.
    candidates: list[tuple[int, ...]] = [(0,)]
    for _sign, limit in bounds:
        padded = limit + (0,) * (length - len(limit))
        candidates += [limit, (*padded[:-1], padded[-1] + 1), _just_below(limit)]
    return not any(within(".".join(map(str, candidate)), wanted) for candidate in candidates)


_CONDITION = re.compile(r"(>=|<=|<|>|==)(\d+(?:\.\d+)*)")


def _just_below(limit: tuple[int, ...]) -> tuple[int, ...]:
    *rest, last = limit
    if last > 0:
        return (*rest, last - 1, 10**9)
    return _just_below(tuple(rest)) if rest else (0,)


def _holds(version: str, condition: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    if not match:
        return False
    have, want = numbers(version), numbers(match[2])
    length = max(len(have), len(want))
    have, want = have + (0,) * (length - len(have)), want + (0,) * (length - len(want))
    return {">=": have >= want, "<=": have <= want, "<": have < want, ">": have > want, "==": have == want}[match[1]]
