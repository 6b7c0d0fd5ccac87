"""Tells a person on standard error what is being done and how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """One line of narration; standard output is kept for data."""
    print(f"lab: {line}", file=sys.stderr, flush=True)


@contextmanager
def step(name: str, *, slow: bool = False) -> Iterator[None]:
    """A named step, reported with its time when it ends; a slow one is announced when it begins too."""
    if slow:
        say(f"{name} ...")
    began = time.monotonic()
    try:
        yield
    except BaseException:
        say(f"{name}: failed after {time.monotonic() - began:.1f} s")
        raise
    say(f"{name}: {time.monotonic() - began:.1f} s")
