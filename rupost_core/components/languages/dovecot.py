"""Dovecot 2.3: dovecot.conf with its sections, and the flat files of its passdb and userdb drivers (.conf.ext).

Source: Dovecot 2.3 documentation, "Configuration file syntax"; the rules for comments, quotes and continuation are
those of its config parser, and of lib-settings for the flat files, which knows neither `<file` nor `$variable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rupost_core.components.languages.syntax import ConfigurationSyntaxError, Setting, Settings
from rupost_core.i18n import translate as _

_BLANK = " \t\r"
_VARIABLE = re.compile(r"\$([A-Za-z0-9_]+)")
# Settings whose compiled-in value is empty, so that `$name` before the first one adds nothing.
_EMPTY_BY_DEFAULT = frozenset({"mail_plugins"})


@dataclass
class Section:
    """A section, or the whole file (type ""). `local 127.0.0.2 {…}` has the type `local` and that name."""

    type: str
    name: str
    line: int
    settings: list[Setting] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    files: set[str] = field(default_factory=set)  # names of settings whose value is the path behind a `<`

    def get(self, name: str, default: str = "") -> str:
        return next((s.value for s in reversed(self.settings) if s.name == name), default)

    def line_of(self, name: str) -> int | None:
        return next((s.line for s in reversed(self.settings) if s.name == name), None)

    def every(self, *types: str) -> list[Section]:
        """The sections of these types directly inside."""
        return [section for section in self.sections if section.type in types]

    def one(self, kind: str, name: str) -> Section | None:
        return next((s for s in reversed(self.sections) if (s.type, s.name) == (kind, name)), None)

    def walk(self) -> Iterator[Section]:
        """This section and all below it."""
        yield self
        for section in self.sections:
            yield from section.walk()


def read(text: str) -> Section:
    """dovecot.conf; raises ConfigurationSyntaxError."""
    root = Section("", "", 1)
    stack = [root]
    for number, line in _lines(text):
        if line == "}":
            if len(stack) == 1:
                raise ConfigurationSyntaxError(number, _("“}” closes nothing"))
            stack.pop()
            continue
        match = re.match(r"([^\s=]+)\s*", line)
        rest = line[match.end() :] if match else line
        if match and rest.startswith("="):
            _set(stack, match[1], rest[1:].lstrip(_BLANK), number)
        else:
            section = _opening(match[1] if match else "", rest, number)
            stack[-1].sections.append(section)
            stack.append(section)
    if len(stack) > 1:
        raise ConfigurationSyntaxError(stack[-1].line, _("the section is not closed"))
    return root


def read_flat(text: str) -> Settings:
    """A driver's own file, such as that of the ldap or sql driver; raises ConfigurationSyntaxError."""
    found = []
    for number, line in _lines(text):
        match = re.match(r"([^\s=]+)\s*=", line)
        if not match:
            raise ConfigurationSyntaxError(number, _("“name = value” is expected"))
        found.append(Setting(match[1], _unquoted(line[match.end() :].lstrip(_BLANK)), number))
    return Settings(found)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments and outer blanks, continued ones joined, each with the number of its first."""
    begun, joined = 0, ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = _uncommented(raw.lstrip(_BLANK), number)
        if not line:
            continue
        begun = begun or number
        if line.endswith("\\"):
            joined += line[:-1].rstrip(_BLANK) + " "
            continue
        yield begun, joined + line
        begun, joined = 0, ""
    if joined:
        raise ConfigurationSyntaxError(begun, _("the last line is continued by nothing"))


def _uncommented(line: str, number: int) -> str:
    if "\0" in line:
        raise ConfigurationSyntaxError(number, _("a NUL character"))
    quote, position = "", 0
    while position < len(line):
        character = line[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "#":
            return line[:position].rstrip(_BLANK)
        position += 1
    return line.rstrip(_BLANK)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]:
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _set(stack: list[Section], name: str, value: str, line: int) -> None:
    section = stack[-1]
    if value.startswith("<"):
        section.files.add(name)
        value = value[1:].lstrip(_BLANK)
    elif value[:1] not in ("'", '"') and "$" in value:

        def earlier(match: re.Match[str]) -> str:
            for scope in reversed(stack):
                if scope.line_of(match[1]):
                    return scope.get(match[1])
            return "" if match[1] in _EMPTY_BY_DEFAULT else match[0]

        value = " ".join(_VARIABLE.sub(earlier, value).split())
    else:
        value = _unquoted(value)
    section.settings.append(Setting(name, value, line))


def _opening(kind: str, rest: str, line: int) -> Section:
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"\s*\{', rest)
    plain = re.fullmatch(r"(?:([^\s{\"][^\s]*)\s+)?\{", rest)
    if not kind or kind == "}" or not (quoted or plain):
        raise ConfigurationSyntaxError(line, _("“name = value” or a section is expected"))
    name = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else (plain[1] or "" if plain else "")
    return Section(kind, name, line)
