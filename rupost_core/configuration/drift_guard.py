"""What stands between a deployment and files that were changed by hand: it is refused, or they are set aside."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rupost_core.configuration.drift import Drift
from rupost_core.configuration.live_folder import LiveFolder
from rupost_core.configuration.uptake import Report, Step
from rupost_core.errors import DriftFound
from rupost_core.i18n import translate as _


@dataclass(frozen=True)
class DriftGuard:
    """Asked twice: before a generation is made, and again right before the switch, since hands do not wait.

    With `discard` the changes are set aside instead of refused. `adopted` (path → text) are those that the new
    generation takes over; they are no obstacle as long as they are as they were when they were read.
    """

    folder: LiveFolder
    discard: bool = False
    adopted: Mapping[str, str] = field(default_factory=dict)

    def found(self) -> tuple[Drift, ...]:
        """What stands in the way at this moment."""
        files = tuple(replace(file, content=self.adopted.get(file.path, file.content)) for file in self.folder.files)
        return tuple(
            drift
            for drift in replace(self.folder, files=files).drifts()
            if not (drift.kind == "attributes" and drift.path in self.adopted)
        )

    def refuse(self) -> tuple[Drift, ...]:
        """Raises DriftFound unless the changes may be discarded; returns them then."""
        found = self.found()
        if found and not self.discard:
            raise drift_found(found)
        return found

    def before_switch(self, target: int, report: Report) -> None:
        """Refuses, or sets aside; then the live folder may be left for the generation `target`."""
        found = self.refuse()
        if not found:
            return
        started = time.monotonic()
        aside = self.folder.set_aside(found)
        if target == self.folder.number:
            self.folder.put_right(found)
        report(Step("set-aside", str(aside or ""), "done", time.monotonic() - started, ", ".join(_named(found))))


def drift_found(found: Iterable[Drift]) -> DriftFound:
    """The error that lists the files and the ways out."""
    names = _named(found)
    return DriftFound(
        names[0],
        details=names[1:],
        hint=_(
            "Look: rupost config drift. Keep a change: rupost config adopt PATH --reason TEXT. Put the deployed "
            "file back: rupost config restore PATH (or --all). Or deploy with --discard-drift, which sets the "
            "changes aside."
        ),
    )


def _named(found: Iterable[Drift]) -> list[str]:
    words = {
        "changed": _("changed"),
        "removed": _("removed"),
        "added": _("added"),
        "attributes": _("rights or owner changed"),
    }
    return [f"{drift.path}: {words[drift.kind]}" for drift in found]
