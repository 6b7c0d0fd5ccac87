"""The licence file: absent is Standard, broken is an error with its reason, run out is Standard again."""

from datetime import date

import pytest

from rupost_core import edition
from rupost_core.errors import EditionRequired, NotConfigured

TODAY = date(2026, 6, 1)


def licence(tmp_path, text):
    path = tmp_path / "license"
    path.write_text(text)
    return edition.load(path)


def test_without_a_file_it_is_standard(tmp_path):
    assert edition.load(tmp_path / "license").edition_on(TODAY) == "standard"


def test_an_enterprise_licence_holds_to_its_last_day(tmp_path):
    given = licence(tmp_path, '{"edition": "enterprise", "organization": "ООО «А»", "valid_until": "2026-06-01"}')
    assert given.organization == "ООО «А»"
    assert given.edition_on(TODAY) == "enterprise"
    assert given.edition_on(date(2026, 6, 2)) == "standard"
    edition.require_enterprise("X", given, TODAY)
    with pytest.raises(EditionRequired, match="2026-06-01") as caught:
        edition.require_enterprise("X", given, date(2026, 6, 2))
    assert caught.value.exit_code == 4


def test_standard_is_told_what_is_needed(tmp_path):
    with pytest.raises(EditionRequired, match="Standard"):
        edition.require_enterprise("X", licence(tmp_path, '{"edition": "standard"}'), TODAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "JSON"),
        ("[]", "object"),
        ("[" * 60_000, "JSON"),
        ("{}", "edition"),
        ('{"edition": "gold"}', "standard or enterprise"),
        ('{"edition": "enterprise", "organisation": "x"}', "organization"),
        ('{"edition": "enterprise", "valid_until": "soon"}', "2027-12-31"),
        ('{"edition": "enterprise", "valid_until": 5}', "2027-12-31"),
        ('{"edition": "enterprise", "organization": 5}', "text"),
        (" " * 70_000, "64 KiB"),
    ],
)
def test_a_broken_licence_says_why(tmp_path, text, expected):
    with pytest.raises(NotConfigured) as caught:
        licence(tmp_path, text)
    assert expected in caught.value.message and "license" in caught.value.message
