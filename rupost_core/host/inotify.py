"""The kernel's word that something in a directory has changed (inotify(7)), through the C library."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

# <sys/inotify.h>
_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_Q_OVERFLOW, _IGNORED = 0x4000, 0x8000
_ONLYDIR, _DONT_FOLLOW = 0x01000000, 0x02000000
_ANY_CHANGE = (
    _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
)
_HEAD = struct.Struct("iIII")
_BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Change:
    """Something changed in `directory`: the entry `name`, or the directory itself (""). `lost` names neither.

    A change is `lost` when there were too many to keep, or when the directory is no longer watched.
    """

    directory: Path | None
    name: str
    lost: bool = False


class Inotify:
    """Watches directories, not what lies in their subdirectories; use it as a context manager."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._watched: dict[int, Path] = {}
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def watch(self, directory: Path) -> bool:
        """Begins to watch; again does no harm. False when there is no such directory (a link counts as none)."""
        mask = _ANY_CHANGE | _ONLYDIR | _DONT_FOLLOW
        try:
            watch = self._checked(self._libc.inotify_add_watch(self._descriptor, os.fsencode(directory), mask))
        except (FileNotFoundError, NotADirectoryError):
            return False
        self._watched[watch] = directory
        return True

    def wait(self, seconds: float) -> list[Change]:
        """What has changed, as soon as something has; nothing after the time."""
        if not self._poll.poll(max(0.0, seconds) * 1000):
            return []
        return list(self._read(os.read(self._descriptor, _BUFFER_BYTES)))

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Inotify:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, data: bytes) -> Iterator[Change]:
        at = 0
        while at < len(data):
            watch, mask, _cookie, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length
            lost = bool(mask & (_Q_OVERFLOW | _IGNORED))
            directory = self._watched.pop(watch, None) if mask & _IGNORED else self._watched.get(watch)
            yield Change(directory, name, lost)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
