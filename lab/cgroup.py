"""Control groups: how the lab keeps nodes apart and finds every process it ever started.

Each node lives in a group of its own: nodes in one group see one another's processes, and their
systemds then keep dead units "active". Whatever was started for the lab is below one folder, so
`kill` needs no record of process ids and also works after the lab itself was killed.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab.errors import LabError
from lab.layout import OWNER


def hierarchies() -> list[Path]:
    """Mount points of cgroup v2 and, on a hybrid machine, of systemd's named v1 hierarchy."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(before.split()[4]))
    return found


def joining(name: str) -> Callable[[], None]:
    """Make the group NAME and return what a child calls to put itself into it."""
    files = []
    for hierarchy in hierarchies():
        group = hierarchy / OWNER / name
        group.mkdir(parents=True, exist_ok=True)
        files.append(group / "cgroup.procs")

    def join() -> None:
        for procs in files:
            procs.write_text("0")  # 0: the process that writes

    return join


def processes(name: str = "") -> set[int]:
    """Process ids in the group NAME and below, or in all of the lab's groups."""
    found: set[int] = set()
    for group in _groups(name):
        with suppress(OSError):
            found.update(int(word) for word in (group / "cgroup.procs").read_text().split())
    return found - {os.getpid()}


def kill(name: str = "", *, patience: float = 10.0) -> bool:
    """Kill all that runs in the group NAME (or in any of the lab's) and remove the group.

    Returns whether there was anything. Loops, because a process may fork while it is being killed.
    """
    existed = bool(_groups(name))
    deadline = time.monotonic() + patience
    while _groups(name):
        for process in processes(name):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for group in _groups(name):
            with suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            left = ", ".join(str(process) for process in sorted(processes(name))) or "none"
            raise LabError(f"control group {OWNER}/{name} cannot be emptied; processes left: {left}")
        time.sleep(0.01)
    for hierarchy in hierarchies():
        with suppress(OSError):  # absent, or still in use by the other groups
            (hierarchy / OWNER).rmdir()
    return existed


def _groups(name: str) -> list[Path]:
    """The folders of the group NAME in every hierarchy, the deepest first."""
    found = []
    for hierarchy in hierarchies():
        top = hierarchy / OWNER / name
        if top.is_dir():
            found += [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
    return found
