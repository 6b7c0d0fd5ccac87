from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupost_core.errors import InputError
from rupost_core.mail.model import (
    MAIL_STORAGE,
    make_address,
    parse_address,
    parse_domain,
    parse_quota,
    shown_domain,
)
from rupost_core.quantity import shown_size


@pytest.mark.parametrize(
    ("text", "name"),
    [("Company.RU", "company.ru"), (" company.ru. ", "company.ru"), ("почта.рф", "xn--80a1acny.xn--p1ai"),
     ("ПОЧТА.РФ", "xn--80a1acny.xn--p1ai"), ("a-b.c1.company.ru", "a-b.c1.company.ru"),
     ("xn--80a1acny.xn--p1ai", "xn--80a1acny.xn--p1ai")],
)  # fmt: skip
def test_domains(text: str, name: str) -> None:
    assert parse_domain(text) == name


@pytest.mark.parametrize(
    "text",
    ["", ".", "localhost", "a..ru", "-a.ru", "a-.ru", "a_b.ru", "a b.ru", "company.ru/..", "../x.ru", "10.0.0.1",
     "x." + "a" * 64, "а" * 80 + ".рф", ".".join(["a" * 60] * 5), "a@b.ru", "a.ru\n.x", "a\x00.ru", "company.ru;x"],
)  # fmt: skip
def test_wrong_domains(text: str) -> None:
    with pytest.raises(InputError):
        parse_domain(text)


@given(st.text())
def test_any_text_is_a_domain_or_wrong_input(text: str) -> None:
    for candidate in (text, f"{text}.ru"):
        try:
            name = parse_domain(candidate)
        except InputError:
            continue
        assert parse_domain(name) == name
        assert isinstance(shown_domain(name), str)


def test_domains_as_people_read_them() -> None:
    assert shown_domain("xn--80a1acny.xn--p1ai") == "почта.рф"
    assert shown_domain("company.ru") == "company.ru"
    assert shown_domain("xn--.ru") == "xn--.ru"


def test_addresses() -> None:
    address = parse_address(" Ivan.Petrov_1-x@Почта.РФ ")
    assert str(address) == "ivan.petrov_1-x@xn--80a1acny.xn--p1ai"
    assert address.home == f"{MAIL_STORAGE}/xn--80a1acny.xn--p1ai/ivan.petrov_1-x"
    assert str(make_address("a" * 64, "company.ru")).startswith("aaaa")


@pytest.mark.parametrize(
    "local",
    ["", ".", "..", ".a", "a.", "a..b", "a/b", "../a", "a b", "a+b", "иван", "-a", "a\x00", "a\nb", "a%b", "a!b",
     "a'b", '"a"', "a,b", "a@b", "a" * 65, "a\\b", "{a}", "a:b", "~a"],
)  # fmt: skip
def test_wrong_local_parts(local: str) -> None:
    with pytest.raises(InputError):
        make_address(local, "company.ru")


def test_an_address_that_is_too_long() -> None:
    with pytest.raises(InputError):
        make_address("a" * 64, ".".join(["b" * 47] * 4))
    with pytest.raises(InputError):
        parse_address("ivanov")


@given(st.text() | st.text(st.sampled_from("a./-_\\~\x00"), min_size=1))
def test_a_home_never_leaves_its_domain(local: str) -> None:
    try:
        home = PurePosixPath(make_address(local, "company.ru").home)
    except InputError:
        return
    assert home.parent == PurePosixPath(MAIL_STORAGE, "company.ru")
    assert home.name not in ("", ".", "..")


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("500M", 500 * 2**20), ("5G", 5 * 2**30), ("1T", 2**40), (" 2 gib ", 2**31), ("3mb", 3 * 2**20)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_quota(text) == size


@pytest.mark.parametrize("text", ["", "5", "-1G", "1.5G", "5K", "5P", "99999999999T", "G", "5G5", "٥G"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(InputError):
        parse_quota(text)


@given(st.integers(1, 999_999), st.sampled_from("MGT"))
def test_a_shown_size_is_read_back(number: int, unit: str) -> None:
    size = parse_quota(f"{number}{unit}")
    assert size < 2**63
    assert parse_quota(shown_size(size)) == size
    assert shown_size(0) == "0"
