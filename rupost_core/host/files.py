"""Files that are either wholly old or wholly new, also after a power cut."""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rupost_core.errors import InputError
from rupost_core.i18n import translate as _

_LOCK_PAUSE_SECONDS = 0.02


def owner_ids(owner: str, group: str) -> tuple[int, int]:
    """(uid, gid) of names or numbers; raises InputError for a name that this node does not know."""
    try:
        uid = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    except KeyError as error:
        raise _unknown(owner) from error
    try:
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise _unknown(group) from error
    return uid, gid


def write_atomic(path: Path, content: bytes, *, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Replaces `path` by one rename of a synced temporary file in the same directory."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_new(path: Path, content: bytes, *, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Writes and syncs a file that must not exist yet; the directory is synced by the caller."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchown(file.fileno(), uid, gid)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())


def switch_link(link: Path, target: str) -> None:
    """Points a symbolic link elsewhere by one rename."""
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
    sync_directory(link.parent)


@contextmanager
def locked(path: Path, patience: float) -> Iterator[bool]:
    """Holds flock(2) on the file; false when another process has kept it for longer than `patience` seconds.

    The kernel takes the lock from a process that dies, so a free lock means that its last holder has ended.
    """
    with path.open("a") as file:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield False
                    return
            time.sleep(_LOCK_PAUSE_SECONDS)
        yield True


def sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unknown(name: str) -> InputError:
    return InputError(
        _("This node has no user or group {name}.", name=name),
        hint=_("Install the component's package, or correct the owner in the template."),
    )
