"""The live generation's folder: finding what was changed in it by hand, putting that aside, putting things right.

What a hand has written is never thrown away: it is copied to `set-aside/DATE/PATH` first, readable by root alone.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath

from rupost_core.configuration.drift import Drift, compare
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.manifest import Entry, Manifest, manifest_of
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.on_disk import open_regular, scan
from rupost_core.errors import DeploymentError
from rupost_core.host.files import owner_ids, sync_directory, write_new
from rupost_core.i18n import translate as _

# As in live.py: Postfix waits before it reads a main.cf that may still be written.
_SETTLED_SECONDS = 10


@dataclass(frozen=True)
class LiveFolder:
    """`files` are what the generation `number` holds. Number 0 has no files and no drift."""

    live: LiveConfiguration
    number: int
    files: tuple[RenderedFile, ...]

    @cached_property
    def manifest(self) -> Manifest:
        return manifest_of(self.files, owner_ids)

    @property
    def folder(self) -> Path:
        return self.live.folder(self.number)

    def drifts(self) -> tuple[Drift, ...]:
        """What differs at this moment, by path."""
        if self.number == 0:
            return ()
        return compare(self.manifest, scan(self.folder, self.manifest))

    def read(self, path: str, limit: int) -> bytes | None:
        """What lies at the path: at most `limit` bytes and one; None where there is no regular file."""
        file = open_regular(self.folder / path)
        if file is None:
            return None
        with file:
            return file.read(limit + 1)

    def set_aside(self, drifts: Iterable[Drift]) -> Path | None:
        """Copies what only the disk holds; None when there is nothing to copy. Raises DeploymentError."""
        worth = [drift for drift in drifts if drift.kind in ("changed", "added") and drift.type != "other"]
        if not worth:
            return None
        with _told(_("The changes by hand could not be set aside; nothing was touched")):
            target = self._new_folder()
            for drift in worth:
                self._copy(drift, target / drift.path)
            os.sync()
        return target

    def put_right(self, drifts: Iterable[Drift]) -> None:
        """Makes the paths as deployed; each file changes by one rename. Raises DeploymentError."""
        chosen = sorted(drifts, key=lambda drift: drift.path)
        content = {file.path: file.content.encode() for file in self.files}
        with _told(_("The deployed files could not be put back")):
            for drift in chosen:
                wanted = self.manifest.get(drift.path)
                if wanted is None or (drift.kind == "changed" and drift.type != wanted.type):
                    _remove(self.folder / drift.path)
            for drift in chosen:
                wanted = self.manifest.get(drift.path)
                if wanted is not None:
                    self._put(drift, wanted, content.get(drift.path, b""))

    def with_needed(self, drifts: Iterable[Drift], paths: Iterable[str]) -> tuple[Drift, ...]:
        """The drifts at the paths, below them, and of the directories above them that must be there first."""
        wanted = [PurePosixPath(path) for path in paths]
        return tuple(
            drift
            for drift in drifts
            if any(one.is_relative_to(drift.path) or PurePosixPath(drift.path).is_relative_to(one) for one in wanted)
        )

    def _put(self, drift: Drift, wanted: Entry, content: bytes) -> None:
        path = self.folder / drift.path
        if wanted.type == "directory":
            path.mkdir(exist_ok=True)
        elif drift.kind != "attributes":
            # Made outside the folder, so that nobody sees a half-written file or a strange name in it.
            fresh = self.live.root / ".restoring"
            fresh.unlink(missing_ok=True)
            write_new(fresh, content, mode=wanted.mode, uid=wanted.uid, gid=wanted.gid)
            settled = time.time() - _SETTLED_SECONDS
            os.utime(fresh, (settled, settled))
            fresh.replace(path)
        os.chown(path, wanted.uid, wanted.gid, follow_symlinks=False)
        path.chmod(wanted.mode)
        sync_directory(path if wanted.type == "directory" else path.parent)

    def _copy(self, drift: Drift, target: Path) -> None:
        source = self.folder / drift.path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if drift.type == "directory":
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=_special)
        elif drift.type == "link":
            target.symlink_to(source.readlink())
        elif (file := open_regular(source)) is not None:
            with file, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
                shutil.copyfileobj(file, copy)

    def _new_folder(self) -> Path:
        """`set-aside/2026-11-24T043000`, in the node's time; a second one in that second gets `-2`."""
        base = self.live.root / "set-aside"
        base.mkdir(mode=0o700, exist_ok=True)
        name = f"{datetime.now().astimezone():%Y-%m-%dT%H%M%S}"
        for suffix in ("", *(f"-{count}" for count in range(2, 1000))):
            with suppress(FileExistsError):
                (base / f"{name}{suffix}").mkdir(mode=0o700)
                return base / f"{name}{suffix}"
        raise FileExistsError(base / name)


@contextmanager
def _told(text: str) -> Iterator[None]:
    """Turns an OSError into a DeploymentError that begins with the text."""
    try:
        yield
    except (OSError, shutil.Error) as error:
        raise DeploymentError(f"{text}: {error}") from error


def _special(folder: str, names: list[str]) -> set[str]:
    """What has no content to copy: sockets, pipes, devices."""
    paths = {name: Path(folder) / name for name in names}
    return {name for name, path in paths.items() if not (path.is_symlink() or path.is_dir() or path.is_file())}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
