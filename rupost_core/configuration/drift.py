"""Drift: how a live folder differs from what was deployed. Pure; on_disk.py reads the folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rupost_core.configuration.manifest import Entry, EntryType, Manifest

Kind = Literal["changed", "removed", "added", "attributes"]


@dataclass(frozen=True)
class Drift:
    """One path that is not as deployed. `type` is what lies there now, or lay there when it is `removed`.

    `attributes` says which rights and owners differ, as texts without words: `mode 0644 → 0600`.
    """

    path: str
    kind: Kind
    type: EntryType = "file"
    attributes: tuple[str, ...] = ()

    @property
    def component(self) -> str:
        return self.path.partition("/")[0]


def compare(wanted: Manifest, found: Manifest) -> tuple[Drift, ...]:
    """Everything that differs, by path. A path is named once: content says more than rights."""
    paths = sorted(wanted.keys() | found.keys())
    drifts = (_drift(path, wanted.get(path), found.get(path)) for path in paths)
    return tuple(drift for drift in drifts if drift is not None)


def _drift(path: str, wanted: Entry | None, found: Entry | None) -> Drift | None:
    if found is None:
        return Drift(path, "removed", wanted.type) if wanted else None
    if wanted is None:
        return Drift(path, "added", found.type)
    if wanted == found:
        return None
    if wanted.type != found.type:
        return Drift(path, "changed", found.type)
    kind: Kind = "changed" if wanted.digest != found.digest else "attributes"
    return Drift(path, kind, found.type, _attributes(wanted, found))


def _attributes(wanted: Entry, found: Entry) -> tuple[str, ...]:
    pairs = (
        ("mode", f"{wanted.mode:04o}", f"{found.mode:04o}"),
        ("uid", str(wanted.uid), str(found.uid)),
        ("gid", str(wanted.gid), str(found.gid)),
    )
    return tuple(f"{name} {before} → {after}" for name, before, after in pairs if before != after)
