"""Overrides: changes to a managed file by hand, kept, and laid over whatever the template gives from then on.

An override is two texts: what the template gave when it was made (`base`) and what was wanted instead (`text`). It is
applied as a three-way merge with what the template gives now, so it outlives new template versions and parameters;
where both change the same lines nothing is guessed and nothing is dropped: the deployment is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from rupost_core.configuration.merge import Lines, Merge, marker_line, merge
from rupost_core.configuration.model import SHARED, RenderedFile
from rupost_core.errors import InputError, OverrideConflict
from rupost_core.i18n import translate as _
from rupost_core.text import place

State = Literal["applied", "needless", "conflict", "no_file"]
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Override:
    """What an administrator wants of one path on every node; times are UTC. The texts may hold secrets."""

    path: str
    base: str = field(repr=False)
    text: str = field(repr=False)
    secret: bool
    author: str
    reason: str
    changed_at: datetime | None = None


@dataclass(frozen=True)
class OverrideUse:
    """How an override meets what the template gives now, and how much it changes of that.

    `needless`: the template gives by itself what the override wanted. `no_file`: it gives no such file any more.
    """

    path: str
    state: State
    author: str
    reason: str
    changed_at: datetime | None
    added_lines: int
    removed_lines: int
    conflict_lines: tuple[int, ...] = ()


def examine(override: Override, rendered: RenderedFile | None) -> OverrideUse:
    """How the override meets the rendered file (None: there is none)."""
    conflict_lines: tuple[int, ...] = ()
    state: State = "no_file"
    if rendered is not None:
        merged = merge(override.base, rendered.content, override.text)
        conflict_lines = tuple(region.line for region in merged.conflicts)
        state = "needless" if merged.text == rendered.content else "applied"
        state = "conflict" if conflict_lines else state
    own = merge(override.base, override.base, override.text)
    added = sum(len(region.yours) for region in own.regions if region.side == "yours")
    removed = sum(len(region.base) for region in own.regions if region.side == "yours")
    return OverrideUse(
        override.path,
        state,
        override.author,
        override.reason,
        override.changed_at,
        added,
        removed,
        conflict_lines,
    )


def apply(
    files: Iterable[RenderedFile], overrides: Iterable[Override]
) -> tuple[tuple[RenderedFile, ...], tuple[OverrideUse, ...]]:
    """The files with every override laid over them, and how each did; raises OverrideConflict that names them all."""
    by_path = {file.path: file for file in files}
    uses, problems = [], []
    for override in overrides:
        file = by_path.get(override.path)
        uses.append(examine(override, file))
        if file is None:
            problems.append(_no_file(override))
            continue
        merged = merge(override.base, file.content, override.text)
        if merged.text is None:
            problems += _conflict_lines(override, merged)
        else:
            by_path[override.path] = replace(file, content=merged.text)
    if problems:
        raise OverrideConflict(
            problems[0],
            details=problems[1:],
            hint=_(
                "Solve it with rupost config override edit PATH, or give the override up with rupost config "
                "override drop PATH."
            ),
        )
    return tuple(by_path.values()), tuple(uses)


def readopt(deployed: str, edited: str, now: str, path: str) -> str:
    """An edit of the deployed text, carried over to what the next deployment would give; raises OverrideConflict."""
    merged = merge(deployed, now, edited)
    if merged.text is None:
        line = merged.conflicts[0].line
        raise OverrideConflict(
            _(
                "{where}: the next deployment changes the same lines that were changed by hand.",
                where=place(path, line),
            ),
            hint=_("See rupost config drift; restore the file, deploy, and make the change anew."),
        )
    return merged.text


def check_path(path: str) -> None:
    """Raises InputError for a file that no override may belong to."""
    if path.partition("/")[0] == SHARED:
        raise InputError(
            _("{path} comes from the store of certificates and takes no override.", path=path),
            hint=_("Use rupost cert add, rupost dhparam import or the directory's certificate."),
        )


def check_text(path: str, text: str) -> None:
    """Raises InputError for a text that can be no configuration file."""
    if len(text.encode()) > MAX_BYTES:
        raise InputError(_("{path} is larger than 4 MiB.", path=path))
    if "\0" in text:
        raise InputError(_("{path} holds a NUL byte.", path=path))
    line = marker_line(text)
    if line is not None:
        raise InputError(
            _("{where}: a conflict is still marked there.", where=place(path, line)),
            hint=_("Choose one of the two sides and remove the lines that begin with <<<<<<<, |||||||, ======= "
                   "and >>>>>>>."),
        )  # fmt: skip


def _no_file(override: Override) -> str:
    return _(
        "The override of {path} ({author}: {reason}) has no file to lie over: the template gives none.",
        path=override.path,
        author=override.author,
        reason=override.reason,
    )


def _conflict_lines(override: Override, merged: Merge) -> list[str]:
    lines = []
    for region in merged.conflicts:
        lines.append(
            _(
                "The override of {where} ({author}: {reason}) and the template change the same lines.",
                where=place(override.path, region.line),
                author=override.author,
                reason=override.reason,
            )
        )
        if override.secret:
            lines.append(_("(holds secrets: the lines are not shown)"))
            continue
        lines += [_("was: {line}", line=line) for line in _shown(region.base)]
        lines += [_("override: {line}", line=line) for line in _shown(region.yours)]
        lines += [_("template: {line}", line=line) for line in _shown(region.theirs)]
    return lines


def _shown(lines: Lines) -> list[str]:
    return [line.rstrip("\n") for line in lines] or [_("(nothing)")]
