"""The node's own copy of generations on disk, and the link that says which one is live.

    /var/lib/rupost/configuration/
        generations/0/      empty: what a node starts from
        generations/42/     haproxy/ nginx/ postfix/ dovecot/ sogo/ memcached/ tls/
        live -> generations/42

The daemons are started with paths under `live` (their units' drop-ins), so one rename of that link switches all of
them, and the certificates with them, to another generation.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rupost_core.configuration.model import RenderedFile
from rupost_core.errors import DeploymentError
from rupost_core.host.files import owner_ids, switch_link, sync_directory, write_new
from rupost_core.i18n import translate as _

ROOT = Path("/var/lib/rupost/configuration")
KEPT_GENERATIONS = 10
MAIL_CERTIFICATE, MAIL_KEY = "tls/mail.crt", "tls/mail.key"
_SETTLED_SECONDS = 10


class LiveConfiguration:
    """The folder above on this node; only root can write it."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.link = root / "live"
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
    def lock(self) -> Iterator[None]:
        """One deployment at a time on a node; raises DeploymentError when another one runs."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DeploymentError(
                    _("Another deployment is running on this node."), hint=_("Wait until it has ended.")
                ) from error
            yield

    def stage(self, number: int, files: tuple[RenderedFile, ...]) -> Path:
        """Writes the generation beside the live one, synced, and returns its folder.

        A folder of that number that is there already is replaced, unless it is the live one, which is left alone.
        """
        self._ensure_base()
        target = self.folder(number)
        if number == self.current() and target.is_dir():
            return target
        staging = self._generations / f".staging-{number}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o755)
        folders = {staging}
        # Postfix waits up to 2 s before it reads a main.cf that somebody may still be writing. These files are
        # whole before anybody is shown them, so they are dated a moment back.
        settled = time.time() - _SETTLED_SECONDS
        for file in files:
            path = staging / file.path
            for parent in reversed(path.relative_to(staging).parents[:-1]):
                (staging / parent).mkdir(mode=0o755, exist_ok=True)
                folders.add(staging / parent)
            uid, gid = owner_ids(file.owner, file.group)
            write_new(path, file.content.encode(), mode=file.mode, uid=uid, gid=gid)
            os.utime(path, (settled, settled))
        for folder in folders:
            sync_directory(folder)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
        sync_directory(self._generations)
        return target

    def switch(self, number: int) -> None:
        """Makes the staged generation the live one, by one rename."""
        switch_link(self.link, f"generations/{number}")

    def prune(self, keep: int = KEPT_GENERATIONS) -> None:
        """Removes old folders; the database keeps every generation, so nothing is lost."""
        numbers = sorted(int(path.name) for path in self._generations.iterdir() if path.name.isdigit())
        for number in [n for n in numbers if n != 0][:-keep]:
            if number != self.current():
                shutil.rmtree(self.folder(number), ignore_errors=True)

    def _ensure_base(self) -> None:
        self.folder(0).mkdir(parents=True, exist_ok=True)
        if not self.link.is_symlink():
            self.switch(0)
