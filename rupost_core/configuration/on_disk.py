"""Reading a generation's folder as it is now, without following a link and without trusting what lies there."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rupost_core.configuration.manifest import ROOT_ENTRY, Entry, EntryType, Manifest

_CHUNK = 1024 * 1024


def scan(folder: Path, wanted: Manifest) -> Manifest:
    """What lies in the folder. A directory that the manifest does not know is named and not entered.

    Only files that the manifest knows are read. What vanishes while it is looked at counts as not there.
    """
    found: dict[str, Entry] = {}
    with suppress(FileNotFoundError):
        found[ROOT_ENTRY] = _entry(folder, ROOT_ENTRY, wanted)
    folders = [path for path, entry in wanted.items() if entry.type == "directory"]
    for path in folders:
        if path != ROOT_ENTRY and found.get(path, _NOTHING).type != "directory":
            continue
        try:
            children = list((folder / path).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            continue
        for child in children:
            name = str(child.relative_to(folder))
            with suppress(FileNotFoundError):
                found[name] = _entry(child, name, wanted)
    return found


def open_regular(path: Path) -> BinaryIO | None:
    """A regular file, opened for reading; None when something else or nothing lies there."""
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None


_NOTHING = Entry("other", 0, 0, 0)


def _entry(path: Path, name: str, wanted: Manifest) -> Entry:
    status = path.lstat()
    kind = _type(status.st_mode)
    digest = _digest(path) if kind == "file" and name in wanted else ""
    return Entry(kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, digest)


def _type(mode: int) -> EntryType:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()
