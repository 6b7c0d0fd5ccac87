"""config.json of this node (manual 2.15): read if it is there and whole, written atomically, 0640 root:rupost."""

from __future__ import annotations

import grp
import os
from pathlib import Path

from rupost_core import settings
from rupost_core.errors import NotConfigured
from rupost_core.host.files import write_atomic
from rupost_core.i18n import translate as _
from rupost_core.settings import Settings

_GROUP = "rupost"


def read_former(path: Path) -> Settings | None:
    """What an earlier run wrote; None when there is nothing, or nothing that can be read: it is written anew."""
    try:
        return settings.load(path)
    except NotConfigured:
        return None


def write(path: Path, chosen: Settings) -> bool:
    """False when the file already says so. Raises NotConfigured when it cannot be written."""
    content = settings.dump(chosen).encode()
    gid = _group_id()
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        same = _is_so(path, content, gid)
        if not same:
            write_atomic(path, content, mode=0o640, gid=gid)
    except OSError as error:
        raise NotConfigured(
            _("{path} cannot be written: {reason}", path=path, reason=error.strerror),
            hint=_("Check the folder, its rights and the free space, then run the wizard again."),
        ) from error
    return not same


def _is_so(path: Path, content: bytes, gid: int) -> bool:
    try:
        state = path.stat()
        return state.st_mode & 0o777 == 0o640 and gid in (-1, state.st_gid) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _group_id() -> int:
    """-1 (leave as it is) for a plain user, and before the package has made the group."""
    if os.geteuid() != 0:
        return -1
    try:
        return grp.getgrnam(_GROUP).gr_gid
    except KeyError:
        return -1
