"""Running processes, as /proc shows them."""

from __future__ import annotations

import os
import time
from pathlib import Path

_PROC = Path("/proc")
_STARTED_FIELD = 19  # "starttime" of proc(5), counted after the command's closing bracket
_PARENT_FIELD = 1


def wait_for_new_child(pid_file: Path, since: float, seconds: float) -> bool:
    """Whether the daemon has a child that was started after `since` (time.time()), waiting up to `seconds` for it."""
    deadline = time.monotonic() + seconds
    while True:
        if any(started >= since for started in _children_started(pid_file)):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)


def _children_started(pid_file: Path) -> list[float]:
    try:
        parent = pid_file.read_text(encoding="ascii").strip()
    except OSError:
        return []
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    ticks = os.sysconf("SC_CLK_TCK")
    started = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if fields[_PARENT_FIELD] == parent:
            # The kernel counts in hundredths of a second; one more makes up for what it cuts off.
            started.append(booted + (int(fields[_STARTED_FIELD]) + 1) / ticks)
    return started
