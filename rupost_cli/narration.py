"""Standard error: what is going on, what went wrong and what to do; and the exit codes (rupost_core/errors.py)."""

from __future__ import annotations

import json
import sys

from rupost_core.errors import RupostError
from rupost_core.i18n import translate as _
from rupost_core.text import printable


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def explain(error: RupostError, *, as_json: bool) -> None:
    """The error for a person, or as one JSON object on standard output for a program."""
    if as_json:
        sys.stdout.write(json.dumps({"error": error.as_data()}, ensure_ascii=False, indent=2) + "\n")
        return
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
    say(f"{bold}{error.title}{plain}: {printable(error.message)}")
    for detail in error.details:
        say(f"  {printable(detail)}")
    if error.hint:
        say(_("What to do: {hint}", hint=printable(error.hint)))
