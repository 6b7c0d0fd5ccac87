"""The node's own copy of generations on disk, and the link that says which one is live.

    /var/lib/rupost/configuration/
        generations/0/      empty: what a node starts from
        generations/42/     haproxy/ nginx/ postfix/ dovecot/ sogo/ memcached/ tls/
        generations/42.manifest.json    what that folder must look like (manifest.py)
        live -> generations/42
        transition.json     the deployment under way (record.py)

The daemons are started with paths under `live` (their units' drop-ins), so one rename of that link switches all of
them, and the certificates with them, to another generation.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rupost_core.configuration.manifest import FOLDER_MODE, Manifest, from_json, manifest_of, to_json
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.record import TransitionRecord
from rupost_core.errors import DeploymentError
from rupost_core.host.files import locked, owner_ids, switch_link, sync_directory, write_atomic, write_new
from rupost_core.i18n import translate as _

ROOT = Path("/var/lib/rupost/configuration")
KEPT_GENERATIONS = 10
MAIL_CERTIFICATE, MAIL_KEY = "tls/mail.crt", "tls/mail.key"
_SETTLED_SECONDS = 10
# How long a command waits for the agent to finish what it is at: a look at the record, or a recovery.
LOCK_SECONDS = 3.0


class LiveConfiguration:
    """The folder above on this node; only root can write it."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.link = root / "live"
        self.record = TransitionRecord(root)
        self._generations = root / "generations"

    def current(self) -> int:
        """The number of the live generation; 0 when none was ever deployed."""
        try:
            return int(self.link.readlink().name)
        except (FileNotFoundError, ValueError):
            return 0

    def certificate_pem(self) -> str:
        """The chain that the live generation lets the mail daemons serve; empty when it has none."""
        try:
            return (self.link / MAIL_CERTIFICATE).read_text("utf-8")
        except OSError:
            return ""

    def folder(self, number: int) -> Path:
        return self._generations / str(number)

    @contextmanager
    def lock(self, patience: float = LOCK_SECONDS) -> Iterator[None]:
        """One deployment at a time on a node; raises DeploymentError when another one runs.

        While it is held nobody else moves the link or the record. `patience` is in seconds.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root / "lock", patience) as held:
            if not held:
                raise DeploymentError(
                    _("Another deployment is running on this node."), hint=_("Wait until it has ended.")
                )
            yield

    def stage(self, number: int, files: tuple[RenderedFile, ...]) -> Path:
        """Writes the generation beside the live one, synced, and returns its folder.

        A folder of that number that is there already is replaced, unless it is the live one, which is left alone.
        """
        self._ensure_base()
        target = self.folder(number)
        if number == self.current() and target.is_dir():
            self.write_manifest(number, files)
            return target
        staging = self._generations / f".staging-{number}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        folders = {staging}
        # Postfix waits up to 2 s before it reads a main.cf that somebody may still be writing. These files are
        # whole before anybody is shown them, so they are dated a moment back.
        settled = time.time() - _SETTLED_SECONDS
        for file in files:
            path = staging / file.path
            for parent in reversed(path.relative_to(staging).parents[:-1]):
                (staging / parent).mkdir(exist_ok=True)
                folders.add(staging / parent)
            uid, gid = owner_ids(file.owner, file.group)
            write_new(path, file.content.encode(), mode=file.mode, uid=uid, gid=gid)
            os.utime(path, (settled, settled))
        for folder in folders:
            folder.chmod(FOLDER_MODE)  # whatever umask the command was started with
            sync_directory(folder)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
        self.write_manifest(number, files)
        return target

    def manifest(self, number: int) -> Manifest | None:
        """What the generation's folder must look like; None when nobody has written it down (as before 0.2)."""
        try:
            return from_json(self._manifest_path(number).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def write_manifest(self, number: int, files: tuple[RenderedFile, ...]) -> None:
        content = to_json(manifest_of(files, owner_ids)).encode()
        write_atomic(self._manifest_path(number), content, mode=0o600)

    def switch(self, number: int) -> None:
        """Makes the staged generation the live one, by one rename."""
        switch_link(self.link, f"generations/{number}")

    def prune(self, keep: int = KEPT_GENERATIONS, *, needed: frozenset[int] = frozenset()) -> None:
        """Removes old folders but the live and the `needed` ones; the database keeps every generation."""
        numbers = sorted(int(path.name) for path in self._generations.iterdir() if path.name.isdigit())
        for number in [n for n in numbers if n != 0][:-keep]:
            if number != self.current() and number not in needed:
                shutil.rmtree(self.folder(number), ignore_errors=True)
                self._manifest_path(number).unlink(missing_ok=True)

    def _manifest_path(self, number: int) -> Path:
        return self._generations / f"{number}.manifest.json"

    def clear_leftovers(self) -> None:
        """What a writer that was killed has left half done; nothing live is among it."""
        for path in self._generations.glob(".staging-*"):
            shutil.rmtree(path, ignore_errors=True)
        self.record.clear_leftovers()

    def _ensure_base(self) -> None:
        self.folder(0).mkdir(parents=True, exist_ok=True)
        if not self.link.is_symlink():
            self.switch(0)
