"""What every reader raises, and the one setting that most of them are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


class ConfigurationSyntaxError(ValueError):
    """The text does not have its language's form. `line` counts from 1; `file` is set where includes are followed."""

    def __init__(self, line: int, reason: str, file: str = "") -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.file = file


@dataclass(frozen=True)
class Setting:
    """`name = value` as the daemon reads it, quotes and escapes resolved; `line` is where it begins."""

    name: str
    value: str
    line: int


class Settings:
    """Settings in the order of the file; of two with one name the later one holds."""

    def __init__(self, settings: Iterable[Setting]) -> None:
        self._settings = tuple(settings)
        self._last = {setting.name: setting for setting in self._settings}

    def __iter__(self) -> Iterator[Setting]:
        return iter(self._settings)

    def __contains__(self, name: str) -> bool:
        return name in self._last

    def get(self, name: str, default: str = "") -> str:
        return self._last[name].value if name in self._last else default

    def line(self, name: str) -> int | None:
        """Where the setting that holds begins, or None."""
        return self._last[name].line if name in self._last else None

    def as_dict(self) -> dict[str, str]:
        return {name: setting.value for name, setting in self._last.items()}
