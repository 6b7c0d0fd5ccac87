"""Foreign text made safe for a terminal: the one function for that border (DESIGN rule 8)."""

from __future__ import annotations

import unicodedata

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
