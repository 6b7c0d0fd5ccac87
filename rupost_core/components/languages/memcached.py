"""memcached.conf: command-line options, one or several a line.

Source: Debian's systemd-memcached-wrapper, which drops comments, `-d` and `-h` and joins the rest.
"""

from __future__ import annotations

import re
import shlex

from rupost_core.components.languages.syntax import ConfigurationSyntaxError, Setting, Settings
from rupost_core.i18n import translate as _


def read(text: str) -> Settings:
    """Options as settings: `-m 64` has the name `-m`; a switch has the value "". Raises ConfigurationSyntaxError."""
    found = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = re.sub(r"(?<!\\)#[^#]*", "", raw).strip()
        if not line or re.match(r"-[dh]", line):
            continue
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise ConfigurationSyntaxError(number, str(error)) from error
        if not words[0].startswith("-"):
            if words[0] == "logfile":
                continue
            raise ConfigurationSyntaxError(number, _("“{word}” is not an option", word=words[0]))
        found += _options(words, number)
    return Settings(found)


def _options(words: list[str], line: int) -> list[Setting]:
    found: list[Setting] = []
    position = 0
    while position < len(words):
        name, value = words[position], ""
        if name.startswith("--") and "=" in name:
            name, _equals, value = name.partition("=")
        elif not name.startswith("--") and len(name) > 2:
            name, value = name[:2], name[2:]
        elif position + 1 < len(words) and not words[position + 1].startswith("-"):
            position += 1
            value = words[position]
        found.append(Setting(name, value, line))
        position += 1
    return found
