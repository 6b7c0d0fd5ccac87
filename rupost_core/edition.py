"""Which edition this node runs (manual 1.1): Standard, or Enterprise by the licence file.

The licence file lies beside config.json, /etc/rupost/license (manual 2.15), and is JSON:

    {"edition": "enterprise", "organization": "ООО «Ромашка»", "valid_until": "2027-12-31"}

`valid_until` is the last good day and may be left out. Without a file the edition is Standard. This tells which
features are meant to be used; it is no proof of purchase: nothing is signed, nobody is asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from rupost_core.errors import EditionRequired, NotConfigured
from rupost_core.i18n import translate as _
from rupost_core.settings import config_path
from rupost_core.text import nearest

EditionName = Literal["standard", "enterprise"]
FILE_NAME = "license"
_MAX_BYTES = 64 * 1024
_KEYS = ("edition", "organization", "valid_until")


@dataclass(frozen=True)
class License:
    """What the licence file says. `valid_until` is the last good day; None has no end."""

    edition: EditionName
    organization: str = ""
    valid_until: date | None = None

    def edition_on(self, day: date) -> EditionName:
        """An Enterprise licence that has run out leaves Standard."""
        expired = self.valid_until is not None and day > self.valid_until
        return "standard" if expired else self.edition


STANDARD = License("standard")


def license_path() -> Path:
    return config_path().with_name(FILE_NAME)


def load(path: Path | None = None) -> License:
    """The licence; Standard when there is no file. Raises NotConfigured, saying what is wrong and where."""
    path = path or license_path()
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return STANDARD
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from error
    if len(raw) > _MAX_BYTES:
        raise _broken(path, _("it is larger than 64 KiB"))
    try:
        data = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise _broken(path, _("not valid JSON: {reason}", reason=error)) from error
    return _parse(data, path)


def require_enterprise(what: str, license: License, today: date) -> None:
    """Raises EditionRequired unless the licence gives Enterprise today; `what` names what was asked for."""
    if license.edition_on(today) == "enterprise":
        return
    if license.edition == "enterprise":
        raise EditionRequired(
            _("{what}: the Enterprise licence ran out on {day}.", what=what, day=license.valid_until),
            hint=_("Put a valid licence into {path}.", path=license_path()),
        )
    raise EditionRequired(
        _("{what}: this node runs the edition Standard.", what=what),
        hint=_("Put an Enterprise licence into {path}.", path=license_path()),
    )


def _parse(data: Any, path: Path) -> License:
    if not isinstance(data, dict):
        raise _broken(path, _("an object with the key “edition” is needed"))
    for key in data:
        if key not in _KEYS:
            raise _broken(path, f"{key}: " + _("unknown key.") + nearest(key, _KEYS))
    edition = data.get("edition")
    if edition not in ("standard", "enterprise"):
        raise _broken(path, _("“edition” must be standard or enterprise"))
    organization = data.get("organization", "")
    if not isinstance(organization, str):
        raise _broken(path, _("“organization” must be a text"))
    return License(edition, organization, _day(data.get("valid_until"), path))


def _day(value: Any, path: Path) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _broken(path, _("“valid_until” must be a day such as 2027-12-31")) from error


def _broken(path: Path, reason: str) -> NotConfigured:
    return NotConfigured(
        _("The licence file {path} cannot be used: {reason}", path=path, reason=reason),
        hint=_("Correct the file, or remove it: without it the edition is Standard."),
    )
