"""nginx: directives and blocks, with the includes that lie beside the file.

Source: nginx's ngx_conf_file.c (ngx_conf_read_token): a quote counts only at the beginning of a word, `#` likewise,
and of the escapes only `\\"`, `\\'`, `\\\\`, `\\t`, `\\r` and `\\n` mean something.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rupost_core.components.languages.syntax import ConfigurationSyntaxError
from rupost_core.i18n import translate as _

_BLANK = " \t\r\n"
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "'": "'", "\\": "\\"}
_INCLUDES = 20


@dataclass(frozen=True)
class Directive:
    """`name arguments… ;`, or with a `block` when it has braces. `file` is the path that was given to `read`."""

    name: str
    arguments: tuple[str, ...]
    file: str
    line: int
    block: tuple[Directive, ...] | None = None

    def every(self, *names: str) -> list[Directive]:
        """Directives of these names directly inside the block."""
        return [d for d in self.block or () if d.name in names]

    def first(self, name: str) -> Directive | None:
        return next(iter(self.every(name)), None)

    @property
    def value(self) -> str:
        return self.arguments[0] if self.arguments else ""

    def walk(self) -> Iterator[Directive]:
        """This directive and all below it."""
        yield self
        for directive in self.block or ():
            yield from directive.walk()


def read(path: str, files: Mapping[str, str]) -> Directive:
    """The file with its includes put in place, as the block of a directive with the name "".

    `files` maps paths to texts; includes are looked for beside `path`, and those that are not among `files` stay as
    directives. Raises ConfigurationSyntaxError with the file.
    """
    return Directive("", (), path, 1, _Reader(posixpath.dirname(path), files).file(path, 0))


@dataclass(frozen=True)
class _Token:
    text: str
    line: int
    quoted: bool

    def is_sign(self, sign: str) -> bool:
        return not self.quoted and self.text == sign


class _Reader:
    def __init__(self, folder: str, files: Mapping[str, str]) -> None:
        self._folder = folder
        self._files = files

    def file(self, path: str, depth: int) -> tuple[Directive, ...]:
        if depth > _INCLUDES:
            raise ConfigurationSyntaxError(1, _("files include one another"), path)
        tokens = list(_tokens(self._files[path], path))
        found, position = self._block(tokens, 0, path, depth)
        if position < len(tokens):
            raise ConfigurationSyntaxError(tokens[position].line, _("“}” closes nothing"), path)
        return found

    def _block(self, tokens: list[_Token], position: int, path: str, depth: int) -> tuple[tuple[Directive, ...], int]:
        found: list[Directive] = []
        words: list[_Token] = []
        while position < len(tokens) and not (tokens[position].is_sign("}") and not words):
            token = tokens[position]
            if token.is_sign(";") or token.is_sign("{"):
                if not words:
                    raise ConfigurationSyntaxError(
                        token.line, _("“{sign}” without a directive", sign=token.text), path
                    )
                block = None
                if token.text == "{":
                    block, position = self._block(tokens, position + 1, path, depth)
                    if position >= len(tokens):
                        raise ConfigurationSyntaxError(words[0].line, _("the block is not closed"), path)
                name, *arguments = (word.text for word in words)
                directive = Directive(name, tuple(arguments), path, words[0].line, block)
                found += self._included(directive, depth)
                words = []
            elif token.is_sign("}"):
                raise ConfigurationSyntaxError(words[0].line, _("“;” is missing"), path)
            else:
                words.append(token)
            position += 1
        if words:
            raise ConfigurationSyntaxError(words[0].line, _("“;” is missing"), path)
        return tuple(found), position

    def _included(self, directive: Directive, depth: int) -> tuple[Directive, ...]:
        if directive.name != "include" or directive.block is not None:
            return (directive,)
        wanted = posixpath.join(self._folder, directive.value)
        names = [wanted] if wanted in self._files else sorted(fnmatch.filter(self._files, wanted))
        if not names:
            return (directive,)
        return tuple(inner for name in names for inner in self.file(name, depth + 1))


def _tokens(text: str, path: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        character = text[position]
        if character in _BLANK:
            line += character == "\n"
            position += 1
        elif character == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif character in ";{}":
            yield _Token(character, line, False)
            position += 1
        else:
            end, quoted = _word_end(text, position, line, path)
            raw = text[position + 1 : end - 1] if quoted else text[position:end]
            yield _Token(_unescaped(raw), line, quoted)
            line += text.count("\n", position, end)
            position = end


def _word_end(text: str, start: int, line: int, path: str) -> tuple[int, bool]:
    """(offset behind the word, whether it is quoted)."""
    quote = text[start] if text[start] in "'\"" else ""
    position = start + 1 if quote else start
    variable = False
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            variable = False
            continue
        if quote and character == quote:
            following = text[position + 1 : position + 2]
            if following and following not in _BLANK + ";{)":
                raise ConfigurationSyntaxError(line, _("“{text}” behind a quote", text=following), path)
            return position + 1, True
        if not quote and (character in _BLANK + ";" or (character == "{" and not variable)):
            return position, False
        variable = character == "$"
        position += 1
    if quote:
        raise ConfigurationSyntaxError(line, _("a quote is not closed"), path)
    return min(position, len(text)), False


def _unescaped(raw: str) -> str:
    return re.sub(r"\\([trn\"'\\])", lambda match: _ESCAPES[match[1]], raw)
