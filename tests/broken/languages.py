"""Where names and values stand in each configuration language, as far as breaking them needs it.

These patterns know the built-in templates' own style, not the languages: the readers of the product are not used
here, so that a fault of theirs cannot hide a fault of the lint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One setting: `line` counts from 0; `name` and `value` are spans in that line."""

    line: int
    name: tuple[int, int]
    value: tuple[int, int]
    section: str


_MAIN = re.compile(r"^(?P<name>[a-z]\w*) =(?P<value>.*)$")
_MASTER = re.compile(r"^  -o (?P<name>\w+)=(?P<value>.*)$|^(?P<service>\S+) +(?P<rest>(?:inet|unix)\S* .*)$")
_KEYS = re.compile(r"^(?P<name>[a-z]\w*) =(?P<value>.*)$")
_DOVECOT = re.compile(r"^ *(?P<name>[a-z]\w*) = (?P<value>.*)$|^ *(?P<kind>[a-z_]+) (?P<title>.*)\{$")
_NGINX = re.compile(r"(?:^|[;{] )\s*(?P<name>[a-z]\w*)(?P<value>(?: +(?:\"[^\"]*\"|'[^']*'|[^\s;{}]+))*) ?[;{]")
_HAPROXY = re.compile(r"^ +(?P<name>[a-z][\w-]*)(?P<value>.*)$|^(?P<kind>[a-z]+)(?P<title>.*)$")
_PLIST = re.compile(r"^ *(?P<name>[A-Za-z]\w*) = (?P<value>[^({]*);$")
_OPTIONS = re.compile(r"^(?P<name>-\w)(?P<value> .*)$")
_VARIABLES = re.compile(r"^(?P<name>[A-Z]\w*)=(?P<value>.*)$")


def language_of(path: str) -> str:
    """The name of the language of a rendered file, or "" for those that are data (PEM, XML, password lists)."""
    for pattern, name in (
        (r"postfix/main\.cf", "main"), (r"postfix/master\.cf", "master"), (r"postfix/maps/\w+\.cf", "keys"),
        (r"dovecot/dovecot\.conf", "dovecot"), (r"dovecot/(sql|ldap-.+)\.conf", "keys"),
        (r"nginx/\w+\.conf", "nginx"),
        (r"haproxy/haproxy\.cfg", "haproxy"), (r"sogo/sogo\.conf", "plist"), (r"sogo/environment", "variables"),
        (r"memcached/memcached\.conf", "options"),
    ):  # fmt: skip
        if re.fullmatch(pattern, path):
            return name
    return ""


_PATTERNS = {
    "main": _MAIN, "master": _MASTER, "keys": _KEYS, "dovecot": _DOVECOT, "nginx": _NGINX, "haproxy": _HAPROXY,
    "plist": _PLIST, "options": _OPTIONS, "variables": _VARIABLES,
}  # fmt: skip


def statements(language: str, content: str) -> Iterator[Statement]:
    """Every setting of the file, in order; comments are none."""
    section = ""
    for number, line in enumerate(content.splitlines()):
        if line.lstrip().startswith(("#", "/*")):
            continue
        for match in _PATTERNS[language].finditer(line):
            groups = match.groupdict()
            if groups.get("kind") or groups.get("service"):
                section = (groups.get("kind") or groups["service"]).strip()
            if groups.get("service"):
                yield Statement(number, match.span("service"), match.span("rest"), "service")
            elif groups.get("kind"):
                yield Statement(number, match.span("kind"), match.span("title"), "section")
            else:
                yield Statement(number, match.span("name"), match.span("value"), section)
            if language == "dovecot" and line == "}":
                section = ""


def put(content: str, line: int, span: tuple[int, int], text: str) -> str:
    """The content with the span of one line replaced."""
    lines = content.split("\n")
    lines[line] = lines[line][: span[0]] + text + lines[line][span[1] :]
    return "\n".join(lines)
