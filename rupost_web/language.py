"""Which language a reader gets: Accept-Language (RFC 9110, 12.5.4), Russian when it names neither of ours. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rupost_core.i18n import LANGUAGES, translate_to

DEFAULT = "ru"


def choose(header: str) -> str:
    """`ru` or `en`: the one of the greatest weight; of equals the first named."""
    best, best_weight = DEFAULT, 0.0
    for part in header[:1000].split(","):
        tag, _semicolon, rest = part.strip().partition(";")
        code = tag.split("-")[0].strip().lower()
        weight = _weight(rest)
        if code in LANGUAGES and weight > best_weight:
            best, best_weight = code, weight
    return best


def speaker(code: str) -> Callable[..., str]:
    """The `_` of one page."""
    return partial(translate_to, code)


def _weight(text: str) -> float:
    name, _equals, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
