"""Files named on the command line."""

from __future__ import annotations

from pathlib import Path

from rupost_core.errors import InputError
from rupost_core.i18n import translate as _

_MAX_BYTES = 16 * 1024 * 1024


def read_file(path: Path) -> bytes:
    """The file's content; raises InputError when it cannot be read or is unreasonably large."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(
                _("{path} is larger than 16 MiB.", path=path), hint=_("Check that it is the right file.")
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            _("{path} cannot be read: {reason}", path=path, reason=_reason(error)),
            hint=_("Check the path and the rights."),
        ) from error


def _reason(error: OSError) -> str:
    """The usual reasons in the reader's language; the system knows them in its own alone."""
    if isinstance(error, FileNotFoundError):
        return _("there is no such file")
    if isinstance(error, PermissionError):
        return _("there is no right to read it")
    if isinstance(error, IsADirectoryError):
        return _("it is a directory")
    return error.strerror or str(error)
