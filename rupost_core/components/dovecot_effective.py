"""What `doveconf -n` prints: the configuration as Dovecot understood it, one setting a line, sections indented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One setting; `sections` are those around it, outermost first: "service auth", "unix_listener auth-userdb"."""

    sections: tuple[str, ...]
    name: str
    value: str

    @property
    def section(self) -> str:
        """The kind of the innermost section: passdb, service, plugin, … or "" at the top."""
        return self.sections[-1].partition(" ")[0] if self.sections else ""


def settings(printed: str) -> Iterator[Setting]:
    """The settings in the order of `doveconf -n`, which quotes values with blanks at their ends."""
    sections: list[str] = []
    for line in printed.splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text == "}":
            sections.pop()
        elif text.endswith("{"):
            sections.append(text[:-1].strip())
        else:
            name, _equals, value = text.partition(" =")
            yield Setting(tuple(sections), name, _unquoted(value.strip()))


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].strip()
    return value
