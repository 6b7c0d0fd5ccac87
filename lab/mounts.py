"""The overlays of the nodes: a private, writable view of the one base image."""

import re
from pathlib import Path

from lab.errors import LabError
from lab.layout import OWNER
from lab.run import run


def overlay(base: Path, upper: Path, work: Path, merged: Path) -> None:
    """Mount an overlay under the lab's own name, by which `ours` finds it again."""
    options = f"lowerdir={base},upperdir={upper},workdir={work}"
    run(["mount", "-t", "overlay", OWNER, "-o", options, str(merged)], timeout=10)


def ours() -> list[Path]:
    """Mount points of all the lab's overlays, the latest first, whatever home they were made under."""
    return [point for point, _ in reversed(_table())]


def bases() -> set[Path]:
    """The images that mounted overlays stand on: these must not be removed."""
    found = set()
    for _, options in _table():
        match = re.search(r"(?:^|,)lowerdir=([^,]+)", options)
        if match:
            found.add(Path(match[1]))
    return found


def unmount_all() -> bool:
    """Unmount every overlay of the lab; says whether there was one."""
    found = ours()
    for point in found:
        if run(["umount", str(point)], timeout=20, check=False).returncode != 0:
            # Someone's shell stands in it. The name goes at once, the rest when that shell leaves.
            run(["umount", "--lazy", str(point)], timeout=20, check=False)
    left = ours()
    if left:
        raise LabError(f"cannot unmount: {', '.join(str(point) for point in left)}")
    return bool(found)


def _table() -> list[tuple[Path, str]]:
    """(mount point, options) of the lab's overlays, in the order they were mounted."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, source, options = after.split(" ", 2)
        if kind == "overlay" and source == OWNER:
            found.append((Path(_plain(before.split()[4])), _plain(options)))
    return found


def _plain(text: str) -> str:
    """Undo the kernel's octal escapes (a space is written as \\040)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
