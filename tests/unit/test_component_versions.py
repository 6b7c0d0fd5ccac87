import pytest

from rupost_core.components import registry
from rupost_core.components.versions import is_empty, newest, within


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("3.5", ">=3.5 <4", True),
        ("3.5.0", "==3.5", True),
        ("3.10", ">3.9", True),
        ("4", ">=3.5 <4", False),
        ("2.3.19.1", ">=2.3.4 <2.4", True),
        ("2.4.0", "<=2.4", True),
    ],
)
def test_a_version_is_within_a_range_by_its_numbers(version, wanted, fits):
    assert within(version, wanted) is fits


@pytest.mark.parametrize(
    ("wanted", "empty"),
    [(">=3 <2", True), (">1 <1.0", True), (">=3.5 <3.5", True), ("==1 ==2", True), ("<0", True),
     (">=2 <=2", False), ("<1", False), (">3 <3.0.1", False), (">=3.5 <4", False)],
)  # fmt: skip
def test_a_range_that_no_version_fits_is_seen(wanted, empty):
    assert is_empty(wanted) is empty


def test_what_is_missing_or_unfit_is_named_with_both_versions():
    found = registry.unsupported(
        {"postfix": "3.7.11", "nginx": "1.22.1"}, {"postfix": ">=4", "nginx": ">=1", "sogo": ">=5"}
    )
    assert found == [("postfix", "3.7.11", ">=4"), ("sogo", "", ">=5")]
    assert newest(["1.2.0", "1.10.0", "1.9.9"]) == "1.10.0"
