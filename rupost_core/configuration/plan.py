"""What a deployment would change: a pure comparison of two sets of rendered files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rupost_core.configuration.consequences import CertificateChange, PortChange, SecurityChange
from rupost_core.configuration.drift import Drift
from rupost_core.configuration.lint import Finding
from rupost_core.configuration.model import SHARED, RenderedFile
from rupost_core.configuration.override import OverrideUse
from rupost_core.configuration.schema import COMPONENTS, TemplateSpec

Change = Literal["added", "changed", "removed", "attributes"]
Reaction = Literal["start", "reload", "restart", "untouched"]
Sessions = Literal["kept", "cut"]

# What a component needs to take up a new configuration (facts: SOGo and memcached read theirs only at the start).
_REACTIONS: dict[str, Reaction] = {
    "haproxy": "reload",
    "nginx": "reload",
    "postfix": "reload",
    "dovecot": "reload",
    "sogo": "restart",
    "memcached": "restart",
}


@dataclass(frozen=True)
class FileChange:
    """One file that differs. `diff` is unified, without header; empty for secret files, whose text is not shown."""

    path: str
    component: str
    change: Change
    secret: bool
    diff: tuple[str, ...]
    added_lines: int
    removed_lines: int


@dataclass(frozen=True)
class ComponentChange:
    """What happens to a component and which of its files are the reason.

    Every component's reload keeps the sessions that are open (measured: docs/measured.md); a restart cuts them.
    """

    component: str
    reaction: Reaction
    because: tuple[str, ...]

    @property
    def sessions(self) -> Sessions:
        return "cut" if self.reaction == "restart" else "kept"


@dataclass(frozen=True)
class ParameterChange:
    """A parameter whose value differs; both already fit to be shown."""

    name: str
    title: str
    before: str
    after: str


@dataclass(frozen=True)
class Plan:
    """From one generation (None: none is live) to what would be the next.

    `security` and `certificate` are empty at the first deployment, where everything is new. `open_sessions` counts
    what each of HAProxy's frontends carries just now; `findings` are the lint's. Both, and `ports`, are there only
    where somebody asked for the whole plan.
    `overrides` are those laid over the template; `drift` is what a hand has changed in the live files, which stands
    in the way of a deployment.
    """

    based_on: int | None
    template: str
    parameters: tuple[ParameterChange, ...]
    files: tuple[FileChange, ...]
    components: tuple[ComponentChange, ...]
    security: tuple[SecurityChange, ...] = ()
    certificate: CertificateChange | None = None
    ports: tuple[PortChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    open_sessions: dict[str, int] = field(default_factory=dict)
    overrides: tuple[OverrideUse, ...] = ()
    drift: tuple[Drift, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.files and not self.drift


class Affected(Protocol):
    """Something that concerns a component: a file that differs, or one that was changed by hand."""

    @property
    def path(self) -> str: ...

    @property
    def component(self) -> str: ...


def compare(old: Iterable[RenderedFile], new: Iterable[RenderedFile]) -> tuple[FileChange, ...]:
    """The files that differ in content or attributes, by path."""
    before = {file.path: file for file in old}
    after = {file.path: file for file in new}
    changes = (_file_change(before.get(path), after.get(path)) for path in sorted(before | after))
    return tuple(change for change in changes if change is not None)


def component_changes(changes: Iterable[Affected], spec: TemplateSpec, *, first: bool) -> tuple[ComponentChange, ...]:
    """Each component's reaction, in the order in which components are switched."""
    by_component: dict[str, list[str]] = {}
    for change in changes:
        because = by_component.setdefault(change.component, [])
        if change.path not in because:
            because.append(change.path)
    result = []
    for component in COMPONENTS:
        if component not in spec.components:
            continue
        because = list(by_component.get(component, []))
        uses = spec.components[component].uses
        because += [path for path in by_component.get(SHARED, []) if SHARED in uses or path in uses]
        reaction: Reaction = "start" if first else (_REACTIONS[component] if because else "untouched")
        result.append(ComponentChange(component, reaction, tuple(because)))
    return tuple(result)


def _file_change(old: RenderedFile | None, new: RenderedFile | None) -> FileChange | None:
    either = new or old
    if either is None or (old == new):
        return None
    change: Change
    if old is None:
        change = "added"
    elif new is None:
        change = "removed"
    else:
        change = "changed" if old.content != new.content else "attributes"
    lines = list(difflib.unified_diff(old.lines if old else [], new.lines if new else [], lineterm="", n=2))[2:]
    secret = bool((old and old.secret) or (new and new.secret))
    return FileChange(
        path=either.path,
        component=either.component,
        change=change,
        secret=secret,
        diff=() if secret else tuple(lines),
        added_lines=sum(1 for line in lines if line.startswith("+")),
        removed_lines=sum(1 for line in lines if line.startswith("-")),
    )
