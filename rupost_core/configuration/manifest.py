"""What a generation's folder must look like: every file and directory with its digest, rights and owner.

The manifest lies beside the folder (`generations/42.manifest.json`), so that the node can tell an edit by hand from
what was deployed while the database is away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Literal

from rupost_core.configuration.model import RenderedFile

EntryType = Literal["file", "directory", "link", "other"]
FOLDER_MODE = 0o755
# The generation's own folder among the paths of its manifest.
ROOT_ENTRY = "."


@dataclass(frozen=True)
class Entry:
    """One thing in the folder. `mode` holds the permission bits; `digest` is a file's SHA-256 in hex, else ""."""

    type: EntryType
    mode: int
    uid: int
    gid: int
    digest: str = ""


Manifest = Mapping[str, Entry]


def manifest_of(files: Iterable[RenderedFile], ids: Callable[[str, str], tuple[int, int]]) -> Manifest:
    """The folder that the files make; `ids` gives (uid, gid) of an owner and a group. Folders are root's."""
    entries = {ROOT_ENTRY: Entry("directory", FOLDER_MODE, 0, 0)}
    for file in files:
        for parent in list(PurePosixPath(file.path).parents)[:-1]:
            entries[str(parent)] = Entry("directory", FOLDER_MODE, 0, 0)
        uid, gid = ids(file.owner, file.group)
        entries[file.path] = Entry("file", file.mode, uid, gid, digest(file.content.encode()))
    return dict(sorted(entries.items()))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def to_json(manifest: Manifest) -> str:
    return json.dumps({path: asdict(entry) for path, entry in manifest.items()}, indent=1) + "\n"


def from_json(text: str) -> Manifest:
    """Raises ValueError when the text is no manifest."""
    try:
        return {path: Entry(**entry) for path, entry in json.loads(text).items()}
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error
