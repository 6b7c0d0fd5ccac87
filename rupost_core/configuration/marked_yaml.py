"""YAML read with the line of every key, and with bounds: no aliases, no tags, no duplicate keys, limited depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from rupost_core.errors import TemplateError
from rupost_core.i18n import translate as _
from rupost_core.text import place

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 12

Path = tuple[str | int, ...]
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "bool", "null", "float"))


@dataclass(frozen=True)
class MarkedYaml:
    """The data, and the line (from 1) on which each path of keys and indices stands."""

    data: Any
    lines: dict[Path, int]

    def line_of(self, path: Path) -> int:
        """The line of the path, or of its nearest parent that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(text: str, origin: str) -> MarkedYaml:
    """Raises TemplateError that names `origin` and the line."""
    if len(text.encode()) > MAX_BYTES:
        raise TemplateError(_("{file} is larger than 1 MiB.", file=origin))
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                raise _error(origin, token.start_mark.line + 1, _("anchors and aliases are not allowed"))
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _error(origin, mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except yaml.YAMLError as error:
        raise _error(origin, 1, " ".join(str(error).split())) from error
    lines: dict[Path, int] = {}
    data = _build(node, (), lines, origin) if node is not None else None
    return MarkedYaml(data, lines)


def _build(node: yaml.Node, path: Path, lines: dict[Path, int], origin: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if len(path) > MAX_DEPTH:
        raise _error(origin, line, _("nested deeper than {depth} levels", depth=MAX_DEPTH))
    if node.tag not in _PLAIN_TAGS:
        raise _error(origin, line, _("the tag {tag} is not allowed", tag=node.tag))
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in mapping:
                raise _error(origin, key_node.start_mark.line + 1, _("the key “{key}” stands twice", key=key))
            lines[(*path, key)] = key_node.start_mark.line + 1
            mapping[key] = _build(value_node, (*path, key), lines, origin)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, index), lines, origin) for index, child in enumerate(node.value)]
    # A fresh loader over one scalar: the plain types above only.
    return yaml.SafeLoader("").construct_object(node, deep=True)


def _error(origin: str, line: int, reason: str) -> TemplateError:
    return TemplateError(f"{place(origin, line)}: {reason}", hint=_("Correct the file; nothing was changed."))
