"""A template's files from a folder, a .tar.gz or a .zip, and into a .tar.gz.

Nothing is unpacked to disk: archives are read in memory, member by member, within bounds. Links, devices, absolute
paths, `..`, odd names and texts that are not UTF-8 are refused. Names that begin with a dot
(.git, .DS_Store) are passed over.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from rupost_core.configuration.findings import Finding, RefusedTemplate, error
from rupost_core.configuration.library import SPEC_FILE, Template
from rupost_core.errors import InputError
from rupost_core.i18n import translate as _

MAX_FILES = 200
MAX_NAME = 200
MAX_FILE_BYTES = 1024 * 1024
MAX_BYTES = 8 * 1024 * 1024
MAX_ARCHIVE_BYTES = 4 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}){0,8}")


class _Collector:
    """Takes files one at a time and keeps the bounds."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.findings: list[Finding] = []
        self._bytes = 0
        self._seen = 0

    def is_wanted(self, name: str) -> bool:
        """Counts the name, and refuses one that no template needs; raises InputError for too many."""
        self._seen += 1
        if self._seen > 10 * MAX_FILES or len(self.files) >= MAX_FILES:
            raise InputError(_("a template has at most {limit} files", limit=MAX_FILES))
        if any(part.startswith(".") and part not in (".", "..") for part in name.split("/")):
            return False
        if len(name) > MAX_NAME or not _NAME.fullmatch(name):
            self.findings.append(error(name, None, _("this name is not allowed in a template")))
            return False
        if name in self.files:
            self.findings.append(error(name, None, _("it is there twice")))
            return False
        return True

    def add(self, name: str, content: bytes) -> None:
        self._bytes += len(content)
        if len(content) > MAX_FILE_BYTES:
            self.findings.append(error(name, None, _("it is larger than 1 MiB")))
            return
        if self._bytes > MAX_BYTES:
            raise InputError(_("a template is at most {limit} MiB large", limit=MAX_BYTES // 2**20))
        try:
            text = content.decode()
        except UnicodeDecodeError:
            self.findings.append(error(name, None, _("it is not a UTF-8 text")))
            return
        if "\0" in text:
            self.findings.append(error(name, text[: text.index("\0")].count("\n") + 1, _("it holds a NUL character")))
            return
        self.files[name] = text


def read(path: Path) -> dict[str, str]:
    """The files of a folder or an archive by their paths; raises InputError, RefusedTemplate."""
    try:
        if path.is_dir():
            collector = _Collector()
            _read_folder(path, collector)
            return _finished(collector, path.name)
        if path.stat().st_size > MAX_ARCHIVE_BYTES:
            raise InputError(
                _("{path} is larger than {limit} MiB.", path=path, limit=MAX_ARCHIVE_BYTES // 2**20),
                hint=_("Check that it is a template's archive."),
            )
        return read_archive(path.read_bytes(), path.name)
    except OSError as problem:
        raise InputError(_("{path} cannot be read: {reason}", path=path, reason=problem.strerror)) from problem


def read_archive(content: bytes, name: str) -> dict[str, str]:
    """The files of a .tar.gz or .zip, told by its first bytes; one folder around all of them is taken off."""
    collector = _Collector()
    try:
        if content.startswith(b"\x1f\x8b"):
            _read_tar(content, collector)
        elif content.startswith(b"PK\x03\x04"):
            _read_zip(content, collector)
        else:
            raise InputError(
                _("{name} is neither a .tar.gz nor a .zip file.", name=name),
                hint=_("Give the template's folder, or make an archive: rupost template export"),
            )
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError,
            RuntimeError, OSError, OverflowError, UnicodeError) as problem:  # fmt: skip
        raise InputError(_("The archive {name} is damaged: {reason}", name=name, reason=problem)) from problem
    except InputError as problem:
        if problem.hint:
            raise
        raise InputError(
            f"{name}: {problem.message}", hint=_("Take out what the template does not need.")
        ) from problem
    return _finished(collector, name)


def write(template: Template) -> bytes:
    """A .tar.gz of the template's own files; the same template gives the same bytes at any time."""
    folder = f"{template.spec.name}-{template.spec.version}"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(template.files):
            content = template.files[path].encode()
            entry = tarfile.TarInfo(f"{folder}/{path}")
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def _finished(collector: _Collector, name: str) -> dict[str, str]:
    if collector.findings:
        raise RefusedTemplate(name, collector.findings, hint=_("Take it out of the template, or rename it."))
    return _without_outer_folder(collector.files)


def _without_outer_folder(files: Mapping[str, str]) -> dict[str, str]:
    tops = {path.partition("/")[0] for path in files}
    if SPEC_FILE in files or len(tops) != 1:
        return dict(files)
    return {path.partition("/")[2] or path: text for path, text in files.items()}


def _read_folder(folder: Path, collector: _Collector) -> None:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*names, *(one for one in folders if (Path(root) / one).is_symlink())]):
            path = Path(root) / name
            inside = str(path.relative_to(folder))
            if not collector.is_wanted(inside):
                continue
            if not stat.S_ISREG(path.lstat().st_mode):
                collector.findings.append(error(inside, None, _("it is a link or a device, not a file")))
                continue
            with path.open("rb") as file:
                collector.add(inside, file.read(MAX_FILE_BYTES + 1))


def _read_tar(content: bytes, collector: _Collector) -> None:
    with tarfile.open(fileobj=io.BytesIO(_inflated(content)), mode="r:") as archive:
        for entry in archive:
            name = entry.name.removeprefix("./")
            if entry.isdir() or not collector.is_wanted(name):
                continue
            if not entry.isreg() or entry.sparse is not None:
                collector.findings.append(error(name, None, _("it is a link or a device, not a file")))
                continue
            file = archive.extractfile(entry)
            collector.add(name, file.read(MAX_FILE_BYTES + 1) if file else b"")


def _inflated(content: bytes) -> bytes:
    """The gzip content, or InputError once it grows beyond what a template may hold; headers are in the measure."""
    most = MAX_BYTES + MAX_FILES * 10 * 1024
    decompressor = zlib.decompressobj(wbits=31)
    plain = decompressor.decompress(content, most + 1)
    if len(plain) > most:
        raise InputError(_("a template is at most {limit} MiB large", limit=MAX_BYTES // 2**20))
    if not decompressor.eof:
        raise EOFError(_("its end is missing"))
    return plain


def _read_zip(content: bytes, collector: _Collector) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not collector.is_wanted(entry.filename):
                continue
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                collector.findings.append(error(entry.filename, None, _("it is a link or a device, not a file")))
                continue
            with archive.open(entry) as file:
                collector.add(entry.filename, file.read(MAX_FILE_BYTES + 1))
