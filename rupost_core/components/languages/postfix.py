"""Postfix: main.cf, master.cf, and the maps that RuPost writes.

Sources: postconf(5), master(5), pgsql_table(5), postmap(1), DATABASE_README; the rules for logical lines and macros
are those of Postfix's readlline(3) and mac_expand(3).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rupost_core.components.languages.syntax import ConfigurationSyntaxError, Setting, Settings
from rupost_core.i18n import translate as _

_BLANK = " \t\r\v\f"
_NAME = re.compile(r"[A-Za-z0-9_]+")
_SERVICE_TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
_FIELDS = 8
_DEPTH = 20
Lookup = Callable[[str], str]


class MainCf(Settings):
    """main.cf. `get` gives a value as it stands, `value` with its macros expanded."""

    def value(self, name: str, default: str = "", overrides: Mapping[str, str] | None = None) -> str:
        """The expanded value; `overrides` are a service's `-o` options, which win over the file.

        Macros that neither has are empty: the compiled-in defaults of Postfix are not known here.
        """
        own = overrides or {}

        def raw(wanted: str) -> str:
            return own.get(wanted, self.get(wanted))

        return expand(raw(name) if name in own or name in self else default, raw)


@dataclass(frozen=True)
class Service:
    """One service of master.cf. `overrides` are its `-o name=value`, `words` the other arguments of its program."""

    name: str
    type: str
    chroot: str
    program: str
    line: int
    words: tuple[str, ...] = ()
    overrides: Settings = field(default_factory=lambda: Settings(()))

    @property
    def address(self) -> tuple[str, str]:
        """(host, port) of an inet service; the host is "" for all addresses."""
        host, _colon, port = self.name.rpartition(":")
        return host.strip("[]"), port


def read_main(text: str) -> MainCf:
    """main.cf; raises ConfigurationSyntaxError."""
    return MainCf(_settings(text))


def read_table(text: str) -> Settings:
    """A file of a pgsql: or ldap: map: main.cf's form, but `$` means itself."""
    return Settings(_settings(text))


def read_texthash(text: str) -> Settings:
    """A texthash: map: a key, blanks, its value."""
    found = []
    for logical in _logical_lines(text):
        key, *rest = logical.text.strip(_BLANK).split(None, 1)
        if not rest:
            raise ConfigurationSyntaxError(logical.line, _("“{key}” has no value", key=key))
        found.append(Setting(key, rest[0], logical.line))
    return Settings(found)


def read_master(text: str) -> tuple[Service, ...]:
    """master.cf; raises ConfigurationSyntaxError."""
    return tuple(_service(logical) for logical in _logical_lines(text))


def split_list(value: str) -> list[str]:
    """The items of a list: divided by blanks and commas, `{ … }` kept as one item without its braces."""
    items, position = [], 0
    while position < len(value):
        if value[position] in _BLANK + ",":
            position += 1
        elif value[position] == "{":
            end = _closing(value, position)
            items.append(value[position + 1 : end].strip(_BLANK))
            position = end + 1
        else:
            end = position
            while end < len(value) and value[end] not in _BLANK + ",":
                end = _closing(value, end) + 1 if value[end] == "{" else end + 1
            items.append(value[position:end])
            position = end
    return items


def expand(value: str, lookup: Lookup, _depth: int = 0) -> str:
    """The value with `$name`, `${name}`, `${name?then}`, `${name:else}` and `${{a} == {b} ? {c} : {d}}` resolved.

    `lookup` gives raw values and "" for what it does not know. Raises ValueError for a macro that is not closed, has
    no name, or contains itself.
    """
    if _depth > _DEPTH:
        raise ValueError(_("a macro contains itself"))
    result, position = [], 0
    while (dollar := value.find("$", position)) >= 0:
        result.append(value[position:dollar])
        following = value[dollar + 1 : dollar + 2]
        if following == "$":
            result.append("$")
            position = dollar + 2
        elif following in ("{", "(") and following:
            end = _closing(value, dollar + 1)
            result.append(_conditional(value[dollar + 2 : end], lookup, _depth))
            position = end + 1
        else:
            name = _NAME.match(value, dollar + 1)
            if not name:
                raise ValueError(_("“$” without a name in “{value}”", value=value))
            result.append(expand(lookup(name[0]), lookup, _depth + 1))
            position = name.end()
    return "".join([*result, value[position:]])


@dataclass(frozen=True)
class _Logical:
    """A line with its continuations. `starts` are (offset in text, line number) of each piece."""

    text: str
    starts: tuple[tuple[int, int], ...]

    @property
    def line(self) -> int:
        return self.starts[0][1]

    def line_at(self, offset: int) -> int:
        return self.starts[bisect_right([start for start, _line in self.starts], offset) - 1][1]


def _logical_lines(text: str) -> Iterator[_Logical]:
    pieces: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if "\0" in line:
            raise ConfigurationSyntaxError(number, _("a NUL character"))
        if not line.strip(_BLANK) or line.lstrip(_BLANK).startswith("#"):
            continue
        if line[0] in _BLANK:
            if not pieces:
                raise ConfigurationSyntaxError(number, _("the first line must not begin with a blank"))
        elif pieces:
            yield _joined(pieces)
            pieces = []
        pieces.append((number, line))
    if pieces:
        yield _joined(pieces)


def _joined(pieces: list[tuple[int, str]]) -> _Logical:
    starts, length = [], 0
    for number, piece in pieces:
        starts.append((length, number))
        length += len(piece)
    return _Logical("".join(piece for _number, piece in pieces), tuple(starts))


def _settings(text: str) -> Iterator[Setting]:
    for logical in _logical_lines(text):
        yield _setting(logical.text, logical.line)


def _setting(text: str, line: int) -> Setting:
    match = re.match(r"([^=\s]+)\s*=", text.lstrip(_BLANK))
    if not match:
        raise ConfigurationSyntaxError(line, _("“name = value” is expected"))
    return Setting(match[1], text.lstrip(_BLANK)[match.end() :].strip(_BLANK), line)


def _service(logical: _Logical) -> Service:
    words = list(_words(logical))
    if len(words) < _FIELDS:
        raise ConfigurationSyntaxError(logical.line, _("a service needs {count} fields", count=_FIELDS))
    name, kind, _private, _unprivileged, chroot, _wakeup, _processes, program = (
        word for word, _line in words[:_FIELDS]
    )
    if kind not in _SERVICE_TYPES:
        raise ConfigurationSyntaxError(logical.line, _("“{type}” is not a type of service", type=kind))
    arguments = iter(words[_FIELDS:])
    plain, overrides = [], []
    for word, line in arguments:
        if not word.startswith("-o"):
            plain.append(word)
            continue
        option, at = (word[2:], line) if len(word) > 2 else next(arguments, ("", line))
        overrides.append(_setting(option, at))
    return Service(name, kind, chroot, program, logical.line, tuple(plain), Settings(overrides))


def _words(logical: _Logical) -> Iterator[tuple[str, int]]:
    position, text = 0, logical.text
    while position < len(text):
        if text[position] in _BLANK:
            position += 1
            continue
        line = logical.line_at(position)
        if text[position] == "{":
            try:
                end = _closing(text, position)
            except ValueError as error:
                raise ConfigurationSyntaxError(line, str(error)) from error
            yield text[position + 1 : end].strip(_BLANK), line
            position = end + 1
            continue
        end = position
        while end < len(text) and text[end] not in _BLANK:
            end += 1
        yield text[position:end], line
        position = end


def _closing(value: str, opening: int) -> int:
    """The offset of the bracket that closes the one at `opening`."""
    opener = value[opening]
    closer = {"{": "}", "(": ")"}[opener]
    depth = 0
    for offset in range(opening, len(value)):
        depth += (value[offset] == opener) - (value[offset] == closer)
        if depth == 0:
            return offset
    raise ValueError(_("“{bracket}” is not closed in “{value}”", bracket=opener, value=value))


_COMPARISON = re.compile(r"\s*(==|!=|<=|>=|<|>)(level)?\s*")


def _conditional(inside: str, lookup: Lookup, depth: int) -> str:
    if inside.lstrip().startswith("{"):
        holds, rest = _compared(inside.lstrip(), lookup, depth)
    else:
        name = _NAME.match(inside)
        if not name:
            raise ValueError(_("“{macro}” is not a macro", macro="${" + inside + "}"))
        value, rest = expand(lookup(name[0]), lookup, depth + 1), inside[name.end() :].lstrip()
        if not rest:
            return value
        holds = bool(value)
    if rest.startswith("?"):
        then, rest = _branch(rest[1:])
        otherwise, rest = _branch(rest[1:]) if rest.startswith(":") else ("", rest)
    elif rest.startswith(":"):
        then, (otherwise, rest) = "", _branch(rest[1:])
    else:
        raise ValueError(_("“{macro}” is not a macro", macro="${" + inside + "}"))
    return expand(then if holds else otherwise, lookup, depth + 1)


def _compared(text: str, lookup: Lookup, depth: int) -> tuple[bool, str]:
    end = _closing(text, 0)
    left = expand(text[1:end].strip(), lookup, depth + 1)
    operator = _COMPARISON.match(text, end + 1)
    if not operator or text[operator.end() : operator.end() + 1] != "{":
        raise ValueError(_("“{macro}” is not a macro", macro="${" + text + "}"))
    close = _closing(text, operator.end())
    right = expand(text[operator.end() + 1 : close].strip(), lookup, depth + 1)
    order = (_rank(left) > _rank(right)) - (_rank(left) < _rank(right))
    holds = {"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}
    return holds[operator[1]], text[close + 1 :].lstrip()


def _rank(value: str) -> tuple[int, tuple[int, ...], str]:
    if re.fullmatch(r"\d+(?:\.\d+)*", value):
        return 0, tuple(int(part) for part in value.split(".")), ""
    return 1, (), value


def _branch(text: str) -> tuple[str, str]:
    """One branch of a condition, with or without braces, and what follows it."""
    stripped = text.lstrip()
    if not stripped.startswith("{"):
        return text, ""
    end = _closing(stripped, 0)
    return stripped[1:end].strip(), stripped[end + 1 :].lstrip()
