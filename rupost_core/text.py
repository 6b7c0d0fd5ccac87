"""Small texts that every part shows: foreign text made safe for a terminal, a place in a file, the nearest name."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from rupost_core.i18n import translate as _

# Bidirectional overrides and isolates can make a line read differently from what it holds (CVE-2021-42574).
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def printable(value: object, limit: int = 4000) -> str:
    """The value on one line without control characters, escape sequences or direction overrides.

    Line breaks and tabs become spaces, other controls are shown as `\\x1b`, and text beyond `limit` characters is
    cut with `…`.
    """
    text = str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\r\n\t":
        return " "
    if character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Co"):
        return f"\\x{ord(character):02x}"
    return character


def place(file: object, line: int | None) -> str:
    """`main.cf, line 12`, in the process's language; without a line the file alone."""
    return _("{file}, line {line}", file=file, line=line) if line else str(file)


def nearest(given: str, known: Iterable[str]) -> str:
    """` Did you mean “…”?` with the most similar of the known names, or "" when none is similar."""
    near = difflib.get_close_matches(given, list(known), 1, 0.5)
    return " " + _("Did you mean “{near}”?", near=near[0]) if near else ""
