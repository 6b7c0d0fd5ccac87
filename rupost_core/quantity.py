"""Sizes and durations as administrators write them: `50M`, `5 GiB`, `30m`."""

from __future__ import annotations

import re

from rupost_core.i18n import translate as _

_SIZE = re.compile(r"([0-9]{1,15})\s*(?:([KMGT])(?:I?B)?)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")
_DURATION_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST = 2**62  # still a bigint in PostgreSQL, and a long in every daemon


def parse_size(text: object) -> int:
    """Bytes of `1024`, `500M`, `5G`, `1 TiB` (units are powers of 1024); raises ValueError."""
    match = _SIZE.fullmatch(str(text).strip())
    size = int(match[1]) * _SIZE_UNITS[(match[2] or "").upper()] if match else _MOST + 1
    if size > _MOST:
        raise ValueError(_("“{raw}” is not a size; write e.g. 50M or 5G", raw=text))
    return size


def parse_duration(text: object) -> int:
    """Seconds of `90`, `30m`, `2h`, `1d`; raises ValueError."""
    match = _DURATION.fullmatch(str(text).strip())
    if not match:
        raise ValueError(_("“{raw}” is not a duration; write e.g. 30m or 2h", raw=text))
    return int(match[1]) * _DURATION_UNITS[match[2]]


def shown_size(size: int) -> str:
    """A size as `parse_size` reads it back, in the largest unit that leaves no fraction."""
    for unit in ("T", "G", "M", "K"):
        if size and size % _SIZE_UNITS[unit] == 0:
            return f"{size // _SIZE_UNITS[unit]}{unit}"
    return str(size)


def shown_duration(seconds: int) -> str:
    """A duration as `parse_duration` reads it back, in the largest unit that leaves no fraction."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _DURATION_UNITS[unit] == 0:
            return f"{seconds // _DURATION_UNITS[unit]}{unit}"
    return f"{seconds}s"
