"""Archives of templates: nothing leaves the archive but bounded UTF-8 texts with plain names."""

import gzip
import io
import os
import tarfile
import time
import zipfile

import pytest

from rupost_core.configuration import archive, library
from rupost_core.errors import InputError
from tests.unit.test_configuration_templates import MINIMAL


def tar(*entries, mode="w:gz"):
    """A .tar.gz of (name, content) pairs, or of TarInfo with content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as made:
        for name, content in entries:
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def special(name, kind, target=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def zipped(*entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return buffer.getvalue()


def zip_link(name, target):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o120777 << 16
    return zipped((entry, target))


GOOD = [("t/template.yaml", MINIMAL.encode()), ("t/a.j2", b"x"), ("t/.git/config", b"\xff")]


@pytest.mark.parametrize("made", [tar(*GOOD), zipped(*GOOD), tar(*((n[2:], c) for n, c in GOOD))])
def test_a_good_archive_is_read_and_its_outer_folder_taken_off(made):
    assert archive.read_archive(made, "t") == {"template.yaml": MINIMAL, "a.j2": "x"}


def test_a_template_comes_back_from_its_export_and_the_bytes_never_change():
    template = library.load({"template.yaml": MINIMAL, "a.j2": "ж"}, "tiny")
    first = archive.write(template)
    assert archive.read_archive(first, "t") == dict(template.files)
    time.sleep(1.1)  # a time stamp would show
    assert archive.write(template) == first


HOSTILE = {
    "an absolute path": (tar(("/etc/passwd", b"x")), "/etc/passwd"),
    "a path upwards": (tar(("../x", b"x")), "../x"),
    "a path upwards inside": (tar(("a/../../x", b"x")), "../x"),
    "a Windows path": (tar(("a\\b", b"x")), "a\\b"),
    "a drive": (zipped(("C:x", b"x")), "C:x"),
    "a symbolic link": (tar((special("a", tarfile.SYMTYPE, "/etc/passwd"), b"")), "link"),
    "a hard link": (tar((special("a", tarfile.LNKTYPE, "/etc/passwd"), b"")), "link"),
    "a device": (tar((special("a", tarfile.CHRTYPE), b"")), "device"),
    "a pipe": (tar((special("a", tarfile.FIFOTYPE), b"")), "device"),
    "a link in a zip": (zip_link("a", "/etc/passwd"), "link"),
    "a zip upwards": (zipped(("../x", b"x")), "../x"),
    "a name twice": (tar(("a", b"x"), ("a", b"y")), "twice"),
    "a name with a control character": (tar(("a\x1b[0m", b"x")), "not allowed"),
    "a name with a turned direction": (tar(("a\u202eb", b"x")), "not allowed"),
    "a long name": (tar(("a" * 150, b"x")), "not allowed"),
    "a deep path": (tar(("/".join("a" * 12), b"x")), "not allowed"),
    "not UTF-8": (tar(("a", b"\xff\xfe")), "UTF-8"),
    "a NUL": (tar(("a", b"x\n\0")), "line 2"),
    "a large file": (tar(("a", b"x" * (2**20 + 1))), "1 MiB"),
    "many large files": (tar(*((f"a{n}", b"x" * 2**20) for n in range(9))), "8 MiB"),
    "many files": (tar(*((f"a{n}", b"x") for n in range(201))), "200"),
    "many folders' names": (zipped(*((f".a{n}", b"") for n in range(2001))), "200"),
    "a bomb": (gzip.compress(b"\0" * 50_000_000), "8 MiB"),
    "a bomb in a tar": (tar(("a", b"\0" * 20_000_000)), "8 MiB"),
    "a bomb in a zip": (zipped(("a", b"\0" * 30_000_000)), "1 MiB"),
    "a cut gzip": (tar(*GOOD)[:-20], "damaged"),
    "a cut zip": (zipped(*GOOD)[:-30], "damaged"),
    "noise after a gzip's magic": (b"\x1f\x8b" + os.urandom(500), "damaged"),
    "noise after a zip's magic": (b"PK\x03\x04" + os.urandom(500), "damaged"),
    "a bare tar": (tar(*GOOD, mode="w"), "neither"),
    "nothing": (b"", "neither"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_in_a_moment(name):
    content, expected = HOSTILE[name]
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        archive.read_archive(content, "t.tar.gz")
    assert time.process_time() - started < 3
    assert expected in "\n".join([caught.value.message, *caught.value.details])


def test_a_folder_is_read_without_following_links(tmp_path):
    (tmp_path / "template.yaml").write_text(MINIMAL)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.j2").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/b").write_bytes(b"\xff")
    assert archive.read(tmp_path) == {"template.yaml": MINIMAL, "sub/a.j2": "x"}
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError) as caught:
        archive.read(tmp_path)
    assert len([caught.value.message, *caught.value.details]) == 3


def test_what_is_not_there_or_too_large_is_said(tmp_path):
    with pytest.raises(InputError, match="nothere"):
        archive.read(tmp_path / "nothere")
    (tmp_path / "large.zip").write_bytes(b"x" * (4 * 2**20 + 1))
    with pytest.raises(InputError, match="4 MiB"):
        archive.read(tmp_path / "large.zip")
