from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import (
    AND,
    MATCH_EQUAL,
    compile_filter,
    parse_filter,
)
from ldap3.utils.dn import parse_dn

from rupost_core.directory.names import (
    Url,
    check_bind_name,
    check_directory_name,
    check_dn,
    escape_filter,
    is_below,
    parse_url,
    parse_urls,
    split_dn,
)
from rupost_core.errors import InputError

texts = st.text(st.characters(codec="utf-8"), min_size=1)
special = st.text(st.sampled_from("*()\\\x00&|!=~<>:; аЯ7f2a"), min_size=1)


@given(texts | special)
def test_an_escaped_value_stays_one_value(value: str) -> None:
    """ldap3's own parser sees one comparison inside one conjunction, and the wire carries the value's bytes."""
    root = parse_filter(f"(&(objectClass=person)(uid={escape_filter(value)}))", None, False, False, None, False)
    (conjunction,) = root.elements
    assert conjunction.tag == AND
    assert [element.tag for element in conjunction.elements] == [MATCH_EQUAL, MATCH_EQUAL]
    wire = compile_filter(conjunction)["and"][1]["equalityMatch"]["assertionValue"]
    assert bytes(wire) == value.encode()


def test_escape_filter_s_form() -> None:
    assert escape_filter("a*(b)\\ é") == r"a\2a\28b\29\5c\20\c3\a9"
    assert escape_filter("ivan.petrov-1_x@company.ru") == "ivan.petrov-1_x@company.ru"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ldap://dc1.company.ru", Url("ldap", "dc1.company.ru", 389)),
        ("LDAPS://DC1.Company.ru/", Url("ldaps", "dc1.company.ru", 636)),
        ("ldap://10.0.0.5:3890", Url("ldap", "10.0.0.5", 3890)),
        ("ldaps://[fd00::1]:636", Url("ldaps", "fd00::1", 636)),
    ],
)
def test_urls(text: str, url: Url) -> None:
    assert parse_url(text) == url
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    ["", "dc1", "http://dc1", "ldap://", "ldap://dc1:0", "ldap://dc1:99999", "ldap://dc1:x", "ldap://dc1/dc=x",
     "ldap://u:p@dc1", "ldap://dc1?x", "ldap://dc1#x", "ldap://dc 1", "ldap://dc\n1", "ldap://dc1\t.ru", "ldap://-dc",
     "ldap://дц1.ru", "ldap://[fd00::", "ldap://dc1..ru", "ldap://dc1'", 'ldap://dc1"', "ldap://dc1;x", "ldapi:///"],
)  # fmt: skip
def test_wrong_urls(text: str) -> None:
    with pytest.raises(InputError):
        parse_url(text)


@given(st.text())
def test_any_text_is_a_url_or_wrong_input(text: str) -> None:
    for candidate in (text, f"ldap://{text}"):
        try:
            url = parse_url(candidate)
        except InputError:
            continue
        assert parse_url(str(url)) == url


def test_lists_of_urls() -> None:
    assert len(parse_urls(["ldap://a", "ldap://a:389", "ldap://b"], starttls=True)) == 2
    for texts, starttls in (([], False), (["ldap://a", "ldaps://b"], False), (["ldaps://a"], True)):
        with pytest.raises(InputError):
            parse_urls(texts, starttls=starttls)


@pytest.mark.parametrize("url", ["ldap://127.0.0.1", "ldap://localhost", "ldap://[::1]", "ldap://127.8.9.1:390"])
def test_loopback(url: str) -> None:
    assert parse_url(url).is_loopback
    assert not parse_url("ldap://10.0.0.1").is_loopback


@given(st.lists(st.tuples(st.sampled_from(["cn", "ou", "dc"]), st.text(min_size=1)), min_size=1, max_size=5))
def test_a_dn_is_split_as_ldap3_splits_it(parts: list[tuple[str, str]]) -> None:
    rdns = [f"{name}={''.join(chr(92) + f'{byte:02x}' for byte in value.encode())}" for name, value in parts]
    assert split_dn(",".join(rdns)) == rdns
    assert len(parse_dn(",".join(rdns))) == len(rdns)


def test_split_dn_with_escapes() -> None:
    assert split_dn(r"cn=Иванов\, Иван,ou=x, dc=y") == [r"cn=Иванов\, Иван", "ou=x", "dc=y"]
    assert len(split_dn(r"cn=ends with backslash\\,ou=x")) == 2
    assert split_dn("") == []


def test_containers_that_are_skipped() -> None:
    skip = ("cn=provisioning", "CN=Deleted Objects")
    assert is_below("uid=i,cn=deleted users,cn=accounts,cn=provisioning,dc=ipa,dc=local", skip)
    assert is_below(r"CN=x\0ADEL:1,cn=deleted objects,DC=demo,DC=local", skip)
    assert not is_below("uid=i,cn=users,cn=accounts,dc=ipa,dc=local", skip)
    assert not is_below("uid=cn\\=provisioning,dc=ipa", skip)
    assert is_below("uid=i, CN = a , cn=b,dc=ipa", ("cn=a,cn=b",))


@pytest.mark.parametrize("text", ["dc=company,dc=ru", " ou=Почта, dc=company,dc=ru ", r"cn=a\,b,2.5.4.11=x"])
def test_distinguished_names(text: str) -> None:
    assert check_dn(text, "--base") == text.strip()


@pytest.mark.parametrize("text", ["", " ", "company.ru", "dc=a,,dc=b", "dc=a,b", "=a", "dc=a\ndn=x", "1a=b", "dc=a,"])
def test_wrong_distinguished_names(text: str) -> None:
    with pytest.raises(InputError, match="--base"):
        check_dn(text, "--base")


def test_service_accounts() -> None:
    for name in ("svc@company.ru", "COMPANY\\svc", "cn=svc,dc=company,dc=ru"):
        assert check_bind_name(name, dn_only=False) == name
    for name in ("svc@company.ru", "", "a\nb"):
        with pytest.raises(InputError):
            check_bind_name(name, dn_only=True)


def test_directory_names() -> None:
    assert check_directory_name("company_2-x") == "company_2-x"
    for name in ("", "-x", "../x", "a b", "имя", "x" * 64, "a.b", "x\n"):
        with pytest.raises(InputError):
            check_directory_name(name)
