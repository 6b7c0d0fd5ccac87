"""The file systems of a shadow: the node's own, copied on write into memory, with all live state out of sight.

To be called in a mount namespace of one's own. Nothing is made in the live file system, not even a mount point.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from rupost_core.configuration.shadow.model import ShadowPlan
from rupost_core.host import mounts
from rupost_core.host.files import owner_ids

_STAGE = Path("/tmp")  # noqa: S108 - covered by a file system of our own first
_OLD = "run/old"
_DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "jfs"})
_PROGRAMS = ("/usr", "/etc", "/opt", "/var", "/bin", "/sbin", "/lib", "/lib64")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# What units make for their daemons: (folder, owner).
_RUNTIME = (("run/memcached", "memcache"), ("run/haproxy", "haproxy"), ("run/sogo", "sogo"), ("run/lock", "root"))
# Postfix's queue (postfix-files(5) of its source): folder, group, mode; all but `pid` are the user postfix's.
_QUEUE = (
    *((name, "root", 0o700) for name in
      ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")),
    ("maildrop", "postdrop", 0o730),
    ("public", "postdrop", 0o710),
    ("pid", "root", 0o755),
)  # fmt: skip
# A bound, not a need: Postfix wants half as much again as the largest letter, which may have 2 GiB.
_SIZE = "size=4g"
# The folders below those that programs expect to find in the same place, and how deep.
_SKELETONS = {"/var/log": 2, "/run": 1}


def enter(plan: ShadowPlan) -> None:
    """Builds the shadow's root and goes into it. Raises OSError that names what could not be mounted."""
    skeletons = {folder: list(_folders(Path(folder), depth)) for folder, depth in _SKELETONS.items()}
    live_mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    mounts.mount("tmpfs", "shadow", _STAGE, f"mode=755,{_SIZE}")
    root = _STAGE / "root"
    _overlay("/", root, 0)
    for number, layer in enumerate(layers(live_mounts, plan.covered), 1):
        _overlay(layer, root / layer[1:], number)
    for folder in plan.covered:
        _cover(root / folder[1:], skeletons.get(folder, []))
    _devices(root)
    mounts.mount("proc", "proc", root / "proc", flags=mounts.NO_SUID | mounts.NO_DEVICES)
    mounts.bind(Path("/sys"), root / "sys", recursive=True)
    mounts.bind(Path(plan.staged), root / plan.live[1:], read_only=True)
    _settle(root, plan)
    mounts.enter_root(root, _OLD)


def layers(mountinfo: str, covered: Iterable[str]) -> list[str]:
    """Mount points of disks that hold programs, settings or libraries: an overlay of / does not show them."""
    hidden = tuple(covered)
    found = []
    for line in mountinfo.splitlines():
        left, _separator, right = line.partition(" - ")
        point, kind = left.split()[4], right.split()[0]
        if (
            kind in _DISKS
            and any(point == top or point.startswith(f"{top}/") for top in _PROGRAMS)
            and not any(point == folder or point.startswith(f"{folder}/") for folder in hidden)
            and not set(point) & set(":,\\")
            and Path(point).is_dir()
            and point not in found
        ):
            found.append(point)
    return sorted(found)


def _overlay(lower: str, target: Path, number: int) -> None:
    upper, work = _STAGE / f"upper{number}", _STAGE / f"work{number}"
    for folder in (upper, work, target):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    mounts.mount("overlay", "shadow", target, f"lowerdir={lower},upperdir={upper},workdir={work}")


def _cover(folder: Path, skeleton: Iterable[tuple[str, os.stat_result]]) -> None:
    """Lays an empty file system over a folder, with its owner and mode, and the folders that it had."""
    if not folder.is_dir():
        return
    status = folder.stat()
    mounts.mount("tmpfs", "shadow", folder, f"mode={status.st_mode & 0o7777:o},{_SIZE}")
    os.chown(folder, status.st_uid, status.st_gid)
    for name, inner in skeleton:
        made = folder / name
        made.mkdir()
        os.chown(made, inner.st_uid, inner.st_gid)
        made.chmod(inner.st_mode & 0o7777)


def _folders(top: Path, depth: int, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    with contextlib.suppress(OSError), os.scandir(top) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield prefix + entry.name, entry.stat(follow_symlinks=False)
                if depth > 1:
                    yield from _folders(Path(entry.path), depth - 1, f"{prefix}{entry.name}/")


def _devices(root: Path) -> None:
    """The few devices that daemons use; /dev/log is the shadow's own."""
    folder = root / "dev"
    mounts.mount("tmpfs", "shadow", folder, "mode=755,size=64k")
    for name in _DEVICES:
        (folder / name).touch()
        mounts.bind(Path("/dev", name), folder / name)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"),
                         ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):  # fmt: skip
        (folder / name).symlink_to(target)
    (folder / "shm").mkdir()
    mounts.mount("tmpfs", "shadow", folder / "shm", f"mode=1777,{_SIZE}")


def _settle(root: Path, plan: ShadowPlan) -> None:
    """What the daemons need beside the generation: run-time folders, names of hosts, sockets of outside services."""
    for name, owner in (*_RUNTIME, (_OLD, "root"), ("run/systemd/journal", "root")):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(Exception):  # a component that is not installed has no user
            os.chown(folder, *owner_ids(owner, owner))
    for name, group, mode in _QUEUE if "postfix" in plan.components else ():
        folder = root / plan.queue[1:] / name
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, *owner_ids("root" if name == "pid" else "postfix", group))
        folder.chmod(mode)
    for home in {person.home for person in plan.people}:
        store = root / home[1:]
        store.parent.mkdir(parents=True, exist_ok=True)
        store.parent.chmod(0o1777)
    sogo = Path(plan.live, "sogo/sogo.conf")
    if (root / str(sogo)[1:]).exists():
        place = root / "etc/sogo/sogo.conf"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        mounts.bind(root / str(sogo)[1:], place, read_only=True)
    for path in plan.sockets:
        if Path(path).is_socket():
            place = root / path[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
            mounts.bind(Path(path), place)
    hosts = root / "etc/hosts"
    known = hosts.read_text(encoding="utf-8") if hosts.exists() else ""
    names = "".join(f"{relay.address} {relay.host}\n" for relay in plan.relays if relay.host != relay.address)
    hosts.write_text(names + known, encoding="utf-8")
    # There is no name server in the shadow: whoever asks is told so at once.
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="ascii")
