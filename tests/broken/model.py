"""A broken configuration: what was done to a sound one, and what its refusal must name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rupost_core.configuration.model import RenderedFile


@dataclass(frozen=True)
class Edit:
    """A rendered file with other content, another owner or mode, or (content None) left out."""

    path: str
    content: str | None
    owner: str = ""
    group: str = ""
    mode: int | None = None

    def apply(self, file: RenderedFile) -> RenderedFile | None:
        if self.content is None:
            return None
        return replace(
            file,
            content=self.content,
            owner=self.owner or file.owner,
            group=self.group or file.group,
            mode=file.mode if self.mode is None else self.mode,
        )


@dataclass(frozen=True)
class Broken:
    """`way` is the kind of fault. Either `settings` are given to the template, or `edits` are made to its files.

    A refusal must name one of `files` ("" for typed parameters), the line where the fault has one, and `parameter`
    where one is to blame; `parameter_line` is the line inside the administrator's own text. Where two files must
    agree (`elsewhere`), or a file is gone, the other end may be named instead, with its line.
    """

    name: str
    way: str
    files: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    line: int | None = None
    parameter: str = ""
    parameter_line: int | None = None
    typed: bool = False
    elsewhere: bool = False

    def apply(self, files: tuple[RenderedFile, ...]) -> tuple[RenderedFile, ...]:
        edits = {edit.path: edit for edit in self.edits}
        changed = (edits[file.path].apply(file) if file.path in edits else file for file in files)
        return tuple(file for file in changed if file is not None)
