"""HAProxy: sections of lines of words.

Source: HAProxy configuration manual 2.6, section 2.2 "Quoting and escaping".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rupost_core.components.languages.syntax import ConfigurationSyntaxError
from rupost_core.i18n import translate as _

_BLANK = " \t\r"
SECTIONS = frozenset(
    {"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "mailers", "program", "userlist",
     "cache", "http-errors", "ring", "log-forward", "fcgi-app"}
)  # fmt: skip
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Line:
    """A keyword with its arguments: `words[0]` is the keyword."""

    words: tuple[str, ...]
    line: int

    def after(self, keyword: str) -> str | None:
        """The word behind `keyword`, or None."""
        for word, following in zip(self.words, self.words[1:], strict=False):
            if word == keyword:
                return following
        return None

    def starts(self, *words: str) -> bool:
        return self.words[: len(words)] == words


@dataclass
class Section:
    """`frontend NAME`, `global`, … with its lines."""

    kind: str
    name: str
    line: int
    lines: list[Line] = field(default_factory=list)

    def every(self, *words: str) -> list[Line]:
        """Lines that begin with these words."""
        return [line for line in self.lines if line.starts(*words)]

    def first(self, *words: str) -> Line | None:
        return next(iter(self.every(*words)), None)


def read(text: str) -> tuple[Section, ...]:
    """haproxy.cfg; raises ConfigurationSyntaxError."""
    sections: list[Section] = []
    for number, raw in enumerate(text.split("\n"), 1):
        words = tuple(_words(raw, number))
        if not words:
            continue
        if words[0] in SECTIONS:
            sections.append(Section(words[0], words[1] if len(words) > 1 else "", number))
        elif not sections:
            raise ConfigurationSyntaxError(number, _("“{word}” stands in no section", word=words[0]))
        else:
            sections[-1].lines.append(Line(words, number))
    return tuple(sections)


def _words(raw: str, number: int) -> Iterator[str]:  # noqa: C901 - the rules of one quoted line, in one place
    if "\0" in raw:
        raise ConfigurationSyntaxError(number, _("a NUL character"))
    word: str | None = None
    quote, position = "", 0
    while position < len(raw):
        character = raw[position]
        if not quote and character in _BLANK:
            if word is not None:
                yield word
            word = None
        elif not quote and character == "#":
            break
        elif not quote and character in "'\"":
            quote, word = character, word or ""
        elif character == quote:
            quote = ""
        else:
            text = character
            if character == "\\" and quote != "'":
                text, position = _escape(raw, position, quote, number)
            word = (word or "") + text
        position += 1
    if quote:
        raise ConfigurationSyntaxError(number, _("a quote is not closed"))
    if word is not None:
        yield word


def _escape(raw: str, position: int, quote: str, number: int) -> tuple[str, int]:
    """(what the backslash at `position` and what follows it mean, the offset of their last character)."""
    following = raw[position + 1 : position + 2]
    if following in ("\\", '"') or (following == "$" and quote) or (following in (" ", "#", "'") and not quote):
        return following, position + 1
    if following in _ESCAPED:
        return _ESCAPED[following], position + 1
    if following == "x":
        digits = raw[position + 2 : position + 4]
        try:
            return bytes.fromhex(digits).decode("latin-1"), position + 3
        except ValueError as error:
            raise ConfigurationSyntaxError(number, _("“\\x” needs two hexadecimal digits")) from error
    return "\\", position
