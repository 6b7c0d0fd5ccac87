"""sogo.conf: a property list in OpenStep's form.

Source: GNUstep's NSPropertyList as sogo-tool 5.8 reads it: strings quoted with `"` or made of plain characters,
`\\ooo` and `\\Uxxxx`, comments `/* */` and `//` between values, `;` behind every entry (SOGo itself only warns
where the last one is missing).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rupost_core.components.languages.syntax import ConfigurationSyntaxError
from rupost_core.i18n import translate as _

_PLAIN = re.compile(r"[!#$%&*+\-./0-9:?@A-Z^_a-z|~]+")
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:U([0-9A-Fa-f]{0,4})|([0-7]{1,3})|(.))", re.DOTALL)
_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class Node:
    """A value and the line where it begins. `data` is str, list of Node or dict of Node; `<…>` data stays text."""

    data: str | list[Node] | dict[str, Node]
    line: int

    @property
    def plain(self) -> object:
        """The value without line numbers."""
        if isinstance(self.data, dict):
            return {key: node.plain for key, node in self.data.items()}
        return [node.plain for node in self.data] if isinstance(self.data, list) else self.data

    def text(self, key: str) -> str:
        """The string under a key of a dictionary, "" where there is none."""
        node = self.data.get(key) if isinstance(self.data, dict) else None
        return node.data if node is not None and isinstance(node.data, str) else ""

    def line_of(self, key: str) -> int | None:
        node = self.data.get(key) if isinstance(self.data, dict) else None
        return node.line if node is not None else None


def read(text: str) -> Node:
    """The list in the file; raises ConfigurationSyntaxError."""
    reader = _Reader(text)
    node = reader.value()
    reader.skip()
    if reader.position < len(text):
        raise reader.error(_("text behind the end"))
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0

    @property
    def _line(self) -> int:
        return self._text.count("\n", 0, self.position) + 1

    def error(self, reason: str) -> ConfigurationSyntaxError:
        return ConfigurationSyntaxError(self._line, reason)

    def skip(self) -> None:
        match = _SPACE.match(self._text, self.position)
        if match:
            self.position = match.end()
        if self._text.startswith("/*", self.position):
            raise self.error(_("a comment is not closed"))

    def _next(self) -> str:
        self.skip()
        return self._text[self.position : self.position + 1]

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise self.error(_("“{sign}” is expected", sign=sign))
        self.position += 1

    def value(self) -> Node:
        sign, line = self._next(), self._line
        if sign == "{":
            return Node(self._dictionary(), line)
        if sign == "(":
            return Node(self._list(), line)
        if sign == "<":
            end = self._text.find(">", self.position)
            if end < 0:
                raise self.error(_("“{sign}” is expected", sign=">"))
            start, self.position = self.position, end + 1
            return Node(self._text[start : end + 1], line)
        return Node(self._string(), line)

    def _string(self) -> str:
        if self._next() == '"':
            return self._quoted()
        match = _PLAIN.match(self._text, self.position)
        if not match:
            raise self.error(_("a value is expected"))
        self.position = match.end()
        return match[0]

    def _quoted(self) -> str:
        match = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(self._text, self.position)
        if not match:
            raise self.error(_("a quote is not closed"))
        self.position = match.end()
        return _ESCAPE.sub(_meaning, match[1])

    def _list(self) -> list[Node]:
        self._expect("(")
        found: list[Node] = []
        while self._next() != ")":
            if found:
                self._expect(",")
                if self._next() == ")":
                    break
            found.append(self.value())
        self.position += 1
        return found

    def _dictionary(self) -> dict[str, Node]:
        self._expect("{")
        found: dict[str, Node] = {}
        while self._next() != "}":
            key = self._string()
            self._expect("=")
            found[key] = self.value()
            self._expect(";")
        self.position += 1
        return found


def _meaning(match: re.Match[str]) -> str:
    if match[1] is not None:
        return chr(int(match[1] or "0", 16))
    if match[2] is not None:
        return chr(int(match[2], 8) & 0xFF)
    return _NAMED.get(match[3], match[3])
