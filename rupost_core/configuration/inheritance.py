"""A template that extends another one: what both say together.

Parameters of the base stay unless the same name stands in the heir. Without a `type` that entry only changes the
base's (a default, a limit, a title); with one it replaces it. Files stay unless the heir has one with the same path
or drops it. `supports` is replaced component by component, `uses` only grows.
"""

from __future__ import annotations

from typing import Any

from rupost_core.configuration.findings import Finding, error
from rupost_core.configuration.marked_yaml import MarkedYaml, Path
from rupost_core.configuration.schema import TemplateSpec
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

MAX_LEVELS = 3


def merge(base: TemplateSpec, own: MarkedYaml, file: str) -> tuple[MarkedYaml, list[Finding]]:
    """The whole template's data, with the heir's lines, and what cannot be merged.

    What is of the wrong kind is left as it is: the schema says so afterwards.
    """
    inherited = base.model_dump(exclude_defaults=True)
    data: dict[str, Any] = dict(own.data)
    lines = dict(own.lines)
    data["supports"] = _both(inherited["supports"], data.get("supports", {}))
    data["parameters"] = _parameters(inherited["parameters"], data.get("parameters", {}))
    components = data.get("components", {})
    found: list[Finding] = []
    if isinstance(components, dict):
        whole = dict(inherited["components"])
        for name, content in components.items():
            if isinstance(content, dict) and name in whole:
                whole[name], problems = _component(whole[name], content, ("components", name), own, lines, file)
                found += problems
            else:
                whole[name] = content
        components = whole
    data["components"] = components
    return MarkedYaml(data, lines), found


def _both(inherited: dict[str, Any], own: Any) -> Any:
    return {**inherited, **own} if isinstance(own, dict) else own


def _parameters(inherited: dict[str, Any], own: Any) -> Any:
    if not isinstance(own, dict):
        return own
    changed = {
        name: {**inherited[name], **value}
        if isinstance(value, dict) and name in inherited and "type" not in value
        else value
        for name, value in own.items()
    }
    return {**inherited, **changed}


def _component(
    inherited: dict[str, Any], own: dict[str, Any], path: Path, marked: MarkedYaml, lines: dict[Path, int], file: str
) -> tuple[dict[str, Any], list[Finding]]:
    files, dropped, uses = own.get("files", []), own.get("drop", []), own.get("uses", [])
    if not (isinstance(files, list) and isinstance(dropped, list) and isinstance(uses, list)):
        return own, []
    known = [one["path"] for one in inherited["files"]]
    found = [
        error(
            file,
            marked.line_of((*path, "drop", index)),
            _("the base has no file {path} to drop.", path=one) + nearest(str(one), known),
        )
        for index, one in enumerate(dropped)
        if one not in known
    ]
    replaced = [one.get("path") for one in files if isinstance(one, dict)]
    kept = [one for one in inherited["files"] if one["path"] not in replaced and one["path"] not in dropped]
    _move_lines(lines, (*path, "files"), len(kept))
    merged = {**inherited, **own, "files": kept + files}
    if merged_uses := [*inherited.get("uses", []), *(one for one in uses if one not in inherited.get("uses", []))]:
        merged["uses"] = merged_uses
    return merged, found


def _move_lines(lines: dict[Path, int], path: Path, by: int) -> None:
    """The heir's files stand behind the inherited ones, and their lines go with them."""
    below = {old: line for old, line in lines.items() if len(old) > len(path) and old[: len(path)] == path}
    for old in below:
        del lines[old]
    for old, line in below.items():
        index = old[len(path)]
        lines[(*path, int(index) + by, *old[len(path) + 1 :])] = line
