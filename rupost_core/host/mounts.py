"""mount(2), umount2(2) and pivot_root(2), which Python 3.11 does not offer. For private mount namespaces only."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# linux/mount.h
READ_ONLY = 0x1
NO_SUID = 0x2
NO_DEVICES = 0x4
_REMOUNT = 0x20
_BIND = 0x1000
_RECURSIVE = 0x4000
_DETACH = 0x2
# x86_64 and the generic table of newer architectures (asm/unistd.h).
_PIVOT_ROOT = {"x86_64": 155}.get(os.uname().machine, 41)

_libc = ctypes.CDLL(None, use_errno=True)


def mount(kind: str, source: str, target: Path, options: str = "", flags: int = 0) -> None:
    """Mounts a file system of a kind (tmpfs, overlay, proc …); raises OSError that names the target."""
    _call(target, _libc.mount, source.encode(), os.fsencode(target), kind.encode(), flags, options.encode() or None)


def bind(source: Path, target: Path, *, read_only: bool = False, recursive: bool = False) -> None:
    """Shows a file or folder at a second place."""
    flags = _BIND | (_RECURSIVE if recursive else 0)
    _call(target, _libc.mount, os.fsencode(source), os.fsencode(target), None, flags, None)
    if read_only:
        remounted = _BIND | _REMOUNT | READ_ONLY
        _call(target, _libc.mount, None, os.fsencode(target), None, remounted, None)


def enter_root(root: Path, old: str) -> None:
    """Makes `root` the root directory of this mount namespace. `old` is an empty folder below the new root."""
    _call(root, _libc.syscall, _PIVOT_ROOT, os.fsencode(root), os.fsencode(root / old))
    os.chdir("/")
    _call(Path("/", old), _libc.umount2, os.fsencode(f"/{old}"), _DETACH)


def _call(subject: Path, function: ctypes._NamedFuncPointer, *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(subject))
