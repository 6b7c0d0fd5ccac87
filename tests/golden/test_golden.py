"""Rendered files against the expected ones, byte for byte. `python -m tests.golden.test_golden` writes them anew.

That each is accepted by its component's own checker is proven on a node: tests/lab/test_golden_checked.py.
"""

import sys

import pytest

from tests.golden.samples import EXPECTED, ODD_PASSWORD, SAMPLES, rendered


@pytest.mark.parametrize("name", SAMPLES)
def test_rendered_files_are_the_expected_ones(name):
    files = {file.path: file for file in rendered(name)}
    folder = EXPECTED / name
    expected = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert expected == set(files)
    for path, file in files.items():
        assert (folder / path).read_text() == file.content, path


@pytest.mark.parametrize("name", SAMPLES)
def test_files_with_passwords_are_marked_secret_and_closed_to_others(name):
    for file in rendered(name):
        plain_parts = [
            part
            for part in (ODD_PASSWORD, ODD_PASSWORD.replace("\\", "\\\\").replace('"', '\\"'))
            if part in file.content
        ]
        if plain_parts or "PRIVATE KEY" in file.content:
            assert file.secret, file.path
        if file.secret:
            assert file.mode & 0o007 == 0, file.path


def write() -> None:
    for name in SAMPLES:
        for file in rendered(name):
            path = EXPECTED / name / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.content)
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    write()
