"""Standard output: data, and nothing else. Tables for people, JSON with --json for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from rupost_core.i18n import language
from rupost_core.i18n import translate as _
from rupost_core.text import printable


def show_json(value: Any) -> None:
    """One JSON document on standard output; dataclasses become objects, times ISO 8601."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; foreign text in it is made harmless to the terminal."""
    cells = [[printable("" if cell is None else cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _show_plain(columns, cells)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for line in cells:
        table.add_row(*(Text(cell) for cell in line))
    Console(highlight=False).print(table)


def show_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """One thing's properties, a line each."""
    lines = [(name, printable("" if value is None else value)) for name, value in pairs]
    width = max((len(name) for name, _value in lines), default=0)
    for name, value in lines:
        sys.stdout.write(f"{name:<{width}}  {value}\n")


def show_text(text: str) -> None:
    """Text of our own making, line breaks kept."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def show_diff_line(line: str) -> None:
    """A line of a unified difference, coloured on a terminal."""
    colour = {"+": "\x1b[32m", "-": "\x1b[31m"}.get(line[:1], "") if sys.stdout.isatty() else ""
    sys.stdout.write(f"{colour}{printable(line)}{chr(27) + '[0m' if colour else ''}\n")


def show_alarm(text: str) -> None:
    """Text that must not be overlooked: red on a terminal."""
    red, plain = ("\x1b[1;31m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    for line in text.split("\n"):
        sys.stdout.write(f"{red}{printable(line)}{plain}\n" if line else "\n")


def seconds(value: float) -> str:
    """`0.12 s`, in Russian `0,12 с`."""
    number = f"{value:.2f}"
    return _("{seconds} s", seconds=number.replace(".", ",") if language() == "ru" else number)


def _show_plain(columns: Sequence[str], rows: list[list[str]]) -> None:
    widths = [max(len(line[i]) for line in [list(columns), *rows]) for i in range(len(columns))]
    for line in [list(columns), *rows]:
        padded = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(padded.rstrip() + "\n")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value)
