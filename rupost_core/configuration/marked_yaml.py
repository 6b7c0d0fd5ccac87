"""YAML read with the line of every key, and with bounds: no aliases, no tags, no duplicate keys, limited size.

Depth and the number of tokens are counted while the text is scanned, before anything is built of it, so that neither
a deep nor a long document costs more than a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from rupost_core.errors import TemplateError
from rupost_core.i18n import translate as _
from rupost_core.text import place

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 12
MAX_TOKENS = 100_000

Path = tuple[str | int, ...]
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "bool", "null", "float"))
# libyaml's reader is ten times as fast; PyYAML has it in every build but the rare ones without a C compiler.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = (
    yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken,
)  # fmt: skip
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


class BadYaml(TemplateError):
    """`line` and `reason` are also in the message, after the file's name."""

    def __init__(self, origin: str, line: int, reason: str) -> None:
        super().__init__(f"{place(origin, line)}: {reason}", hint=_("Correct the file; nothing was changed."))
        self.line = line
        self.reason = reason


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
    """Raises BadYaml, which names `origin` and the line."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadYaml(origin, 1, _("it is larger than 1 MiB"))
    try:
        _refuse_excess(text, origin)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise BadYaml(origin, mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise BadYaml(origin, 1, " ".join(str(error).split())) from error
    lines: dict[Path, int] = {}
    data = _build(node, (), lines, origin) if node is not None else None
    return MarkedYaml(data, lines)


def _refuse_excess(text: str, origin: str) -> None:
    depth = 0
    for count, token in enumerate(yaml.scan(text, Loader=_LOADER)):
        line = token.start_mark.line + 1
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise BadYaml(origin, line, _("anchors and aliases are not allowed"))
        if count > MAX_TOKENS:
            raise BadYaml(origin, line, _("the file holds more than can be meant for a template"))
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise BadYaml(origin, line, _("nested deeper than {depth} levels", depth=MAX_DEPTH))


def _build(node: yaml.Node, path: Path, lines: dict[Path, int], origin: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if node.tag not in _PLAIN_TAGS:
        raise BadYaml(origin, line, _("the tag {tag} is not allowed", tag=node.tag))
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise BadYaml(origin, key_line, _("a key must be a plain text"))
            key = str(key_node.value)
            if key in mapping:
                raise BadYaml(origin, key_line, _("the key “{key}” stands twice", key=key))
            lines[(*path, key)] = key_line
            mapping[key] = _build(value_node, (*path, key), lines, origin)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, index), lines, origin) for index, child in enumerate(node.value)]
    # A fresh loader over one scalar: the plain types above only.
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (ValueError, OverflowError, KeyError, yaml.YAMLError) as error:
        raise BadYaml(origin, line, _("“{text}” cannot be read as a value", text=str(node.value)[:40])) from error
