from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter

from rupost_core.directory import answers, schema
from rupost_core.directory.model import (
    KINDS,
    Directory,
    Disabled,
    Entry,
    address_filter,
    person_filter,
    read_entry,
    sends_password_openly,
)
from rupost_core.directory.schema import SCHEMAS, SchemaBroken, parse
from rupost_core.directory.write_back import AttributeChange, plan_proxy_addresses, plan_write
from rupost_core.errors import DirectoryCredentials, DirectoryError, DirectoryRights, DirectoryUnreachable

IPA = schema.load("freeipa").access
AD = schema.load("active_directory").access

# Manual, appendix 1, 2.15.1-2.15.3, word for word.
APPENDIX = {
    "freeipa": "cn Полное имя|givenName Имя|l Город|mail Первичный адрес электронной почты|mobile Мобильный телефон|"
    "sn Фамилия|st Регион|street Улица|title Должность|employeeNumber Дополнительный номер|employeeType Роль|"
    "facsimileTelephoneNumber Факс|ou Департамент|pager Пейджер|proxyAddresses Электронная почта",
    "ald_pro": "cn Полное имя|givenName Имя|l Город|mail Первичный адрес электронной почты|mobile Мобильный телефон|"
    "sn Фамилия|st Регион|street Улица|title Должность|c Страна|employeeNumber Дополнительный номер|"
    "proxyAddresses Электронная почта|rbtadp Департамент|rbtamiddlename Отчество|telephoneNumber Рабочий телефон",
    "active_directory": "cn Полное имя|givenName Имя|l Город|mail Первичный адрес электронной почты|"
    "mobile Мобильный телефон|sn Фамилия|st Регион|street Улица|title Должность|company Компания|"
    "department Департамент|facsimileTelephoneNumber Факс|homePhone Домашний телефон|pager Пейджер|"
    "proxyAddresses Электронная почта",
}


class TestSchemas:
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_address_book_is_appendix_1(self, kind) -> None:  # type: ignore[no-untyped-def]
        book = schema.load(kind).address_book
        assert [f"{field.attribute} {field.title['ru']}" for field in book] == APPENDIX[kind].split("|")
        assert all(field.title["en"].isascii() for field in book)

    @pytest.mark.parametrize("kind", KINDS)
    def test_filters_are_filters(self, kind) -> None:  # type: ignore[no-untyped-def]
        one = schema.load(kind).access
        assert one.kind == kind
        for text in (one.people_filter, one.active_filter, person_filter(one, "a"), address_filter(one, ["a@b"])):
            parse_filter(text, None, False, False, None, False)

    def test_active_filters(self) -> None:
        assert IPA.active_filter == "(&(objectClass=person)(!(nsAccountLock=TRUE)))"
        assert AD.active_filter == (
            "(&(&(objectCategory=person)(objectClass=user))(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
        )

    def test_keys_and_logins(self) -> None:
        assert (AD.key_attribute, AD.login_attribute, AD.account_class) == ("objectGUID", "sAMAccountName", "")
        assert (IPA.key_attribute, IPA.login_attribute) == ("ipaUniqueID", "uid")
        assert IPA.account_class == schema.load("ald_pro").access.account_class == "ruPostMailAccount"

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("loginn", "uid"), ("key.form", "hex"), ("key.lenght", 3), ("kind", "openldap"), ("login", ""),
            ("login", None), ("title.fr", "x"), ("title.ru", None), ("disabled.bit", 2), ("disabled.equals", None),
            ("skip", "cn=x"),
            ("address_book.cn.form", "number"), ("address_book.cn.colour", "red"), ("address_book.cn", "Имя"),
        ],
    )  # fmt: skip
    def test_wrong_files_are_refused(self, path: str, value: object) -> None:
        data = yaml.safe_load((SCHEMAS / "freeipa.yaml").read_text())
        *sections, last = path.split(".")
        target = data
        for section in sections:
            target = target[section]
        if value is None:
            del target[last]
        else:
            target[last] = value
        with pytest.raises(SchemaBroken, match=last if value is not None or last != "equals" else "bit"):
            parse(yaml.safe_dump(data, allow_unicode=True), "freeipa.yaml")

    def test_the_nearest_key_is_named(self) -> None:
        text = (SCHEMAS / "freeipa.yaml").read_text() + "\nlogon: uid\n"
        with pytest.raises(SchemaBroken, match=r"freeipa\.yaml: logon: unknown key, did you mean login"):
            parse(text, "freeipa.yaml")


class TestEntries:
    def test_names_in_any_case(self) -> None:
        raw = {
            "UID": [b"ivanov"], "ipauniqueid": [b"0f-1"], "CN": ["Иванов".encode()], "PROXYADDRESSES": [b"SMTP:A@B"],
            "Mail": [b"a@b"], "objectclass": [b"person"], "nsaccountlock": [b"true"],
        }  # fmt: skip
        entry = read_entry("uid=ivanov", raw, IPA)
        assert entry == Entry("uid=ivanov", "0f-1", "ivanov", "Иванов", ("a@b",), ("SMTP:A@B",), ("person",), True)

    @pytest.mark.parametrize(
        ("flags", "disabled"), [(512, False), (514, True), (66050, True), (66048, False), (-2, True)]
    )
    def test_active_directory_s_flags(self, flags: int, disabled: bool) -> None:
        raw = {"objectGUID": [bytes(16)], "sAMAccountName": [b"i"], "userAccountControl": [str(flags).encode()]}
        assert read_entry("cn=i", raw, AD).disabled is disabled

    def test_a_broken_flag_does_not_open_an_account(self) -> None:
        assert Disabled("userAccountControl", bit=2).applies(["x"])

    def test_a_guid_is_little_endian(self) -> None:
        raw = {"objectGUID": [bytes(range(16))], "sAMAccountName": [b"i"], "userAccountControl": [b"512"]}
        assert read_entry("cn=i", raw, AD).key == "03020100-0504-0706-0809-0a0b0c0d0e0f"

    @pytest.mark.parametrize("missing", ["objectGUID", "sAMAccountName", "userAccountControl"])
    def test_what_must_be_readable(self, missing: str) -> None:
        raw = {"objectGUID": [bytes(16)], "sAMAccountName": [b"i"], "userAccountControl": [b"512"], missing: []}
        with pytest.raises(DirectoryRights, match=missing):
            read_entry("cn=i", raw, AD)

    def test_a_key_that_is_no_guid(self) -> None:
        raw = {"objectGUID": [b"x"], "sAMAccountName": [b"i"], "userAccountControl": [b"512"]}
        with pytest.raises(DirectoryRights):
            read_entry("cn=i", raw, AD)

    def test_text_that_the_database_could_not_hold(self) -> None:
        raw = {"uid": [b"i"], "ipaUniqueID": [b"1"], "cn": [b"a\x00b\xff"]}
        assert read_entry("uid=i", raw, IPA).display_name == "ab�"


def test_open_passwords() -> None:
    one = Directory("d", "freeipa", ("ldap://dc1:389",), False, "dc=x", "cn=x", "")
    assert sends_password_openly(one)
    assert not sends_password_openly(replace(one, starttls=True))
    assert not sends_password_openly(replace(one, urls=("ldaps://dc1:636",)))
    assert not sends_password_openly(replace(one, urls=("ldap://127.0.0.1:389",)))


names = st.sampled_from(["a", "b", "C", "d"])
addresses = st.builds("{}@{}".format, names, st.sampled_from(["x.ru", "Y.ru"]))
kinds = st.sampled_from(["SMTP", "smtp", "Smtp", "X500", "sip"])
values = st.builds("{}:{}".format, kinds, addresses) | st.sampled_from(["", "no kind", "X500:/o=Org", "smtp:"])
current_values = st.lists(values, max_size=6, unique_by=str.lower)


class TestProxyAddresses:
    def test_the_usual_case(self) -> None:
        plan = plan_proxy_addresses([], "i@x.ru", ["ivan@x.ru"], ["x.ru"])
        assert plan.values == ("SMTP:i@x.ru", "smtp:ivan@x.ru")

    def test_what_others_wrote(self) -> None:
        current = ["SMTP:I@X.RU", "smtp:old@x.ru", "SMTP:i@other.ru", "X500:/o=Org/cn=i", "sip:i@x.ru"]
        plan = plan_proxy_addresses(current, "i@x.ru", [], ["x.ru"])
        assert plan.values == ("SMTP:I@X.RU", "smtp:i@other.ru", "X500:/o=Org/cn=i", "sip:i@x.ru")
        assert plan.dropped == ("old@x.ru",)

    def test_a_secondary_address_becomes_the_primary_one(self) -> None:
        plan = plan_proxy_addresses(["SMTP:a@x.ru", "smtp:B@x.ru"], "b@x.ru", ["a@x.ru"], [])
        assert plan.values == ("SMTP:b@x.ru", "smtp:a@x.ru")

    @given(current_values, addresses, st.lists(addresses, max_size=4), st.sets(st.sampled_from(["x.ru", "y.ru"])))
    def test_invariants(self, current: list[str], primary: str, aliases: list[str], served: set[str]) -> None:
        plan = plan_proxy_addresses(current, primary, aliases, sorted(served))
        lowered = [value.lower() for value in plan.values]
        assert len(set(lowered)) == len(lowered), "the directory compares without case"
        assert [v[5:].lower() for v in plan.values if v.startswith("SMTP:")] == [primary.lower()]
        ours = {f"smtp:{address.lower()}" for address in (primary, *aliases)}
        assert ours <= set(lowered)
        served = served | {primary.rpartition("@")[2].lower()}
        for value in current:
            kind, colon, address = value.partition(":")
            if not colon or kind.lower() != "smtp":
                assert value in plan.values, "other systems' values are kept"
            elif address.rpartition("@")[2].lower() not in served:
                assert value.lower() in lowered
            else:
                assert (value.lower() in lowered) != (address in plan.dropped)
        again = plan_proxy_addresses(plan.values, primary, aliases, sorted(served))
        assert (again.values, again.dropped) == (plan.values, ())


ENTRY = Entry("uid=i", "1", "i", "I", ("I@x.ru",), ("smtp:i@x.ru",), ("person", "RUPOSTMAILACCOUNT"), False)


class TestPlanWrite:
    def test_nothing_to_do(self) -> None:
        assert plan_write(ENTRY, "i@x.ru", ("smtp:i@x.ru",), IPA) == []

    def test_old_values_are_taken_out_by_value(self) -> None:
        entry = replace(ENTRY, mail=("old@x.ru", "I@x.ru"), object_classes=("person",))
        assert plan_write(entry, "i@x.ru", ("SMTP:i@x.ru",), IPA) == [
            AttributeChange("objectClass", (), ("ruPostMailAccount",)),
            AttributeChange("mail", ("old@x.ru",), ()),
            AttributeChange("proxyAddresses", ("smtp:i@x.ru",), ("SMTP:i@x.ru",)),
        ]
        assert plan_write(replace(entry, mail=()), "i@x.ru", entry.proxy_addresses, AD) == [
            AttributeChange("mail", (), ("i@x.ru",))
        ]

    @given(
        current_values,
        addresses,
        st.lists(addresses, max_size=3),
        st.lists(addresses, max_size=2, unique_by=str.lower),
    )
    def test_applied_it_leaves_nothing_to_do(
        self, current: list[str], primary: str, aliases: list[str], mail: list[str]
    ) -> None:
        entry = replace(ENTRY, mail=tuple(mail), proxy_addresses=tuple(current), object_classes=())
        wanted = plan_proxy_addresses(current, primary, aliases, ["x.ru"]).values
        after = {"mail": list(mail), "proxyAddresses": list(current), "objectClass": []}
        for change in plan_write(entry, primary, wanted, IPA):
            for value in change.delete:
                after[change.attribute].remove(value)
            after[change.attribute] += change.add
        entry = replace(
            entry, mail=tuple(after["mail"]), proxy_addresses=tuple(after["proxyAddresses"]),
            object_classes=tuple(after["objectClass"]),
        )  # fmt: skip
        assert [value.lower() for value in entry.mail] == [primary.lower()]
        assert plan_write(entry, primary, wanted, IPA) == []


# Texts as Samba 4.17 and 389-ds 2.3 sent them (facts/directories.md 1, 2).
SAMBA_STRONG = "Strong(er) authentication required: BindSimple: Transport encryption required."
SAMBA_DISABLED = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 533, v1db1"
SAMBA_WRONG = SAMBA_DISABLED.replace("533", "52e")


class TestAnswers:
    @pytest.mark.parametrize(
        ("code", "said", "kind", "hint"),
        [
            (8, SAMBA_STRONG, DirectoryError, "--starttls"),
            (49, SAMBA_DISABLED, DirectoryCredentials, "disabled"),
            (49, SAMBA_WRONG, DirectoryCredentials, "--bind-dn"),
            (49, SAMBA_WRONG.replace("52e", "775"), DirectoryCredentials, "locked"),
            (49, SAMBA_WRONG.replace("52e", "532"), DirectoryCredentials, "expired"),
            (53, "Account inactivated. Contact system administrator.", DirectoryCredentials, "disabled"),
            (51, "busy", DirectoryUnreachable, "firewall"),
        ],
    )
    def test_refused_binds(self, code: int, said: str, kind: type, hint: str) -> None:
        error = answers.bind_refused("ldap://dc1:389", "cn=svc", code, said)
        assert type(error) is kind
        assert hint in error.hint

    def test_every_code_has_an_answer(self) -> None:
        for code, refused in itertools.product(range(1, 124), (answers.search_refused, answers.write_refused)):
            error = refused("ldap://dc1:389", "dc=x", code, "{said}")
            assert isinstance(error, DirectoryError)
            assert error.hint
        for code in range(100):
            assert answers.certificate_refused("ldaps://dc1:636", "dc1", code, "why").hint
