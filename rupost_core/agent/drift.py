"""The duty that sees changes by hand in the live configuration, and the one that notes them in the database.

The kernel tells that something has changed; what has changed is found by comparing the folder with its manifest. So
a deployment's own work is no drift, a change that is taken back is forgotten, and no single event must be caught.
Who made a change the kernel does not tell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rupost_core.configuration.drift import Drift, compare
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.manifest import Entry, Manifest
from rupost_core.configuration.on_disk import scan
from rupost_core.errors import RupostError
from rupost_core.host.inotify import Change, Inotify
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor

if TYPE_CHECKING:
    from rupost_core.configuration.drift_service import DriftService

# Editors write, rename and set rights in quick succession; one comparison after the last of it is enough.
_QUIET_SECONDS, _AT_MOST_SECONDS = 0.1, 0.4
# inotify does not tell of writing through a memory map or through another name of the same file.
_REGULARLY_SECONDS = 60.0
_STOP_SECONDS = 0.5
_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class Sighting:
    """A drifted path, what lies there (None: nothing), and when it was first seen so."""

    drift: Drift
    found: Entry | None
    seen_at: datetime


class Sightings:
    """What is drifted now, handed from the watching thread to the noting one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Mapping[str, Sighting] = {}
        self.changed = threading.Event()

    def put(self, current: Mapping[str, Sighting]) -> None:
        with self._lock:
            self._current = current
        self.changed.set()

    def get(self) -> Mapping[str, Sighting]:
        with self._lock:
            return self._current


class DriftWatch:
    """Watches the live generation, whichever it is, and logs what differs from its manifest."""

    name = "drift"

    def __init__(self, actor: Actor, sightings: Sightings, live: LiveConfiguration | None = None) -> None:
        self._actor = actor
        self._sightings = sightings
        self._live = live or LiveConfiguration()
        self._known: Mapping[str, Sighting] | None = None

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._live.root.mkdir(parents=True, exist_ok=True)
            number = self._live.current()
            manifest = self._manifest(number, stop)
            with Inotify() as notify:
                # Whatever happened before the watch began is found by the first comparison.
                while not stop.is_set() and self._live.current() == number:
                    self._watch(notify, number, manifest)
                    self._compare(number, manifest)
                    self._wait(notify, stop)

    def _watch(self, notify: Inotify, number: int, manifest: Manifest) -> None:
        """Again each time: a directory that was moved away and made anew is another one."""
        notify.watch(self._live.root)
        folder = self._live.folder(number)
        for path, entry in manifest.items():
            if entry.type == "directory":
                notify.watch(folder / path)

    def _compare(self, number: int, manifest: Manifest) -> None:
        found = scan(self._live.folder(number), manifest) if manifest else {}
        if self._live.current() != number:
            return
        known, now = self._known or {}, datetime.now(UTC)
        current: dict[str, Sighting] = {}
        for drift in compare(manifest, found):
            sighting = Sighting(drift, found.get(drift.path), now)
            before = known.get(drift.path)
            if before is not None and (before.drift, before.found) == (sighting.drift, sighting.found):
                current[drift.path] = before
                continue
            current[drift.path] = sighting
            logging.warning(
                _("changed by hand: {path}: {what} (generation {number}; by whom is not known)",
                  path=drift.path, what=_described(drift), number=number)
            )  # fmt: skip
        for path in sorted(known.keys() - current.keys()):
            logging.info(_("as deployed again: {path} (generation {number})", path=path, number=number))
        if self._known is None or current != known:
            self._known = current
            self._sightings.put(current)

    def _wait(self, notify: Inotify, stop: threading.Event) -> None:
        """Until something concerns us and it has become quiet, or it is time to look anyway."""
        until = time.monotonic() + _REGULARLY_SECONDS
        while not stop.is_set() and time.monotonic() < until:
            if any(self._concerns(change) for change in notify.wait(_STOP_SECONDS)):
                break
        else:
            return
        latest = time.monotonic() + _AT_MOST_SECONDS
        while time.monotonic() < latest and notify.wait(_QUIET_SECONDS):
            pass

    def _concerns(self, change: Change) -> bool:
        """Of the folder above all generations only the link and the folder itself."""
        return change.lost or change.directory != self._live.root or change.name in ("", self._live.link.name)

    def _manifest(self, number: int, stop: threading.Event) -> Manifest:
        """The generation's; a generation staged by a version that wrote none gets its own from the database."""
        told = False
        while number and self._live.current() == number and not stop.is_set():
            manifest = self._live.manifest(number)
            if manifest is not None:
                return manifest
            try:
                self._write_manifest()
            except RupostError as error:
                if not told:
                    logging.warning(_("changes by hand are not seen yet: {reason}", reason=error.message))
                told = True
                stop.wait(_RETRY_SECONDS)
        return {}

    def _write_manifest(self) -> None:
        with _drift_service(self._actor) as service:
            service.write_manifest()


class DriftNotes:
    """Brings the database to what is seen; while it is away, that waits."""

    name = "drift notes"

    def __init__(self, actor: Actor, sightings: Sightings) -> None:
        self._actor = actor
        self._sightings = sightings

    def run(self, stop: threading.Event) -> None:
        told = False
        while not stop.is_set():
            if not self._sightings.changed.wait(_STOP_SECONDS):
                continue
            self._sightings.changed.clear()
            try:
                self._note()
                told = False
            except RupostError as error:
                self._sightings.changed.set()
                if not told:
                    logging.warning(_("changes by hand are not noted in the database yet: {reason}",
                                      reason=error.message))  # fmt: skip
                told = True
                stop.wait(_RETRY_SECONDS)

    def _note(self) -> None:
        from rupost_core.configuration.drift_store import NotedDrift

        with _drift_service(self._actor) as service:
            node = service.desk.settings.node_name
            current = self._sightings.get()
            found = [NotedDrift(node, path, s.drift.kind, s.seen_at) for path, s in sorted(current.items())]
            noted = service.noted(node)
            if [(one.path, one.kind) for one in noted] != [(one.path, one.kind) for one in found]:
                service.note(found)


@contextmanager
def _drift_service(actor: Actor) -> Iterator[DriftService]:
    """For one piece of work. Imported here: most of the time the agent needs no database, and so none of its code."""
    from rupost_core import settings
    from rupost_core.access.desk import OfficeDesk
    from rupost_core.configuration.drift_service import DriftService
    from rupost_core.configuration.service import ConfigurationService

    desk = OfficeDesk(settings.load(), actor)
    try:
        yield DriftService(desk, ConfigurationService(desk))
    finally:
        desk.close()


def _described(drift: Drift) -> str:
    words = {
        "changed": _("changed"),
        "removed": _("removed"),
        "added": _("added"),
        "attributes": _("rights or owner changed"),
    }
    return ", ".join((words[drift.kind], *drift.attributes))
