"""The LDAP client against a real server: TLS, errors, finding, writing back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from rupost_core.directory import ldap, schema
from rupost_core.directory.ldap import DirectoryConnection, connect
from rupost_core.directory.model import Directory
from rupost_core.directory.write_back import plan_proxy_addresses
from rupost_core.errors import (
    DirectoryCredentials,
    DirectoryError,
    DirectoryRights,
    DirectoryUnreachable,
    NotFound,
)
from rupost_core.secret import Secret
from tests.contract.slapd import AD_SERVICE, BLIND, IVANOV_GUID, ODD_PASSWORD, READER, SERVICE, Slapd

PASSWORD = Secret(ODD_PASSWORD)
USERS = "cn=users,cn=accounts,dc=ipa,dc=local"
IPA = schema.load("freeipa").access
AD = schema.load("active_directory").access


def ipa(slapd: Slapd, **changes: object) -> Directory:
    one = Directory("ipa", "freeipa", (slapd.tls,), False, "dc=ipa,dc=local", SERVICE, slapd.ca_pem.decode())
    return replace(one, **changes)  # type: ignore[arg-type]


def opened(slapd: Slapd, **changes: object) -> DirectoryConnection:
    return connect(ipa(slapd, **changes), PASSWORD, IPA)


class TestConnecting:
    def test_ldaps_starttls_and_plain(self, slapd: Slapd) -> None:
        for changes in ({}, {"urls": (slapd.plain,), "starttls": True}, {"urls": (slapd.plain,), "ca_pem": ""}):
            with opened(slapd, **changes) as connection:
                assert connection.prove_readable().key.startswith("id-")

    def test_wrong_password(self, slapd: Slapd) -> None:
        with pytest.raises(DirectoryCredentials) as caught:
            connect(ipa(slapd), Secret(ODD_PASSWORD.strip()), IPA)
        assert caught.value.exit_code == 22

    @pytest.mark.parametrize("dn", ["uid=nobody,dc=ipa,dc=local", "no dn at all"])
    def test_wrong_account(self, slapd: Slapd, dn: str) -> None:
        with pytest.raises(DirectoryCredentials):
            opened(slapd, bind_dn=dn)

    @pytest.mark.parametrize("starttls", [False, True])
    def test_wrong_ca(self, slapd: Slapd, starttls: bool) -> None:
        urls = (slapd.plain if starttls else slapd.tls,)
        for pem in (slapd.other_ca_pem.decode(), ""):
            with pytest.raises(DirectoryError, match="not trusted") as caught:
                opened(slapd, urls=urls, starttls=starttls, ca_pem=pem)
            assert type(caught.value) is DirectoryError
            assert "--ca" in caught.value.hint

    @pytest.mark.parametrize("starttls", [False, True])
    def test_wrong_name(self, slapd: Slapd, starttls: bool) -> None:
        url = (slapd.plain if starttls else slapd.tls).replace("localhost", "127.0.0.1")
        with pytest.raises(DirectoryError, match="not trusted") as caught:
            opened(slapd, urls=(url,), starttls=starttls)
        assert "127.0.0.1" in caught.value.hint

    def test_no_password_over_plain(self, strict_slapd: Slapd) -> None:
        with pytest.raises(DirectoryError, match="unencrypted") as caught:
            opened(strict_slapd, urls=(strict_slapd.plain,))
        assert "--starttls" in caught.value.hint
        with pytest.raises(DirectoryCredentials):  # with encryption it gets as far as asking who this is
            opened(strict_slapd, urls=(strict_slapd.plain,), starttls=True)

    def test_unreachable(self, slapd: Slapd) -> None:
        with pytest.raises(DirectoryUnreachable) as caught:
            opened(slapd, urls=("ldap://127.0.0.1:1", "ldap://no-such-host.invalid"))
        assert len(caught.value.details) == 1

    def test_failover(self, slapd: Slapd) -> None:
        with opened(slapd, urls=("ldaps://localhost:1", slapd.tls)) as connection:
            assert str(connection.url) == slapd.tls

    def test_a_refused_password_is_not_tried_elsewhere(self, slapd: Slapd) -> None:
        with silent_server() as (url, connections), pytest.raises(DirectoryCredentials):
            connect(ipa(slapd, urls=(slapd.tls, url)), Secret("x"), IPA)
        assert connections == []

    @pytest.mark.parametrize(("scheme", "starttls"), [("ldap", False), ("ldap", True), ("ldaps", False)])
    def test_a_server_that_never_answers(
        self, slapd: Slapd, monkeypatch: pytest.MonkeyPatch, scheme: str, starttls: bool
    ) -> None:
        monkeypatch.setattr(ldap, "RECEIVE_TIMEOUT_SECONDS", 1)
        with silent_server() as (url, _connections):
            started = time.monotonic()
            with pytest.raises(DirectoryUnreachable):
                opened(slapd, urls=(url.replace("ldap:", f"{scheme}:"),), starttls=starttls)
        assert time.monotonic() - started < 4

    def test_a_server_that_speaks_something_else(self, slapd: Slapd) -> None:
        greeting = b"220 mail.company.ru ESMTP\r\n"
        with silent_server(greeting) as (url, _connections), pytest.raises(DirectoryUnreachable):
            opened(slapd, urls=(url,))


class TestReading:
    def test_an_account_that_sees_nobody(self, slapd: Slapd) -> None:
        with opened(slapd, bind_dn=BLIND) as connection, pytest.raises(DirectoryRights) as caught:
            connection.prove_readable()
        assert "ruPostMailAccount" in caught.value.hint

    def test_a_base_that_is_not_there(self, slapd: Slapd) -> None:
        with opened(slapd, base="dc=nowhere") as connection, pytest.raises(DirectoryError) as caught:
            connection.prove_readable()
        assert "--base" in caught.value.hint

    def test_find(self, slapd: Slapd) -> None:
        with opened(slapd) as connection:
            entry = connection.find("IVANOV")
        assert (entry.dn, entry.key, entry.login) == (f"uid=ivanov,{USERS}", "id-0", "ivanov")
        assert (entry.display_name, entry.mail, entry.disabled) == ("Имя ivanov", (), False)

    @pytest.mark.parametrize("login", [r"odd*()\ имя", "Иван"])
    def test_find_odd_logins(self, slapd: Slapd, login: str) -> None:
        with opened(slapd) as connection:
            assert connection.find(login).login == login

    @pytest.mark.parametrize("login", ["nobody", "*", "iva*", "", " ", "ivanov)(uid=*", "\x00", "rupost"])
    def test_nobody(self, slapd: Slapd, login: str) -> None:
        with opened(slapd) as connection, pytest.raises(NotFound):
            connection.find(login)

    def test_several(self, slapd: Slapd) -> None:
        with opened(slapd) as connection, pytest.raises(DirectoryError) as caught:
            connection.find("namesake")
        assert sorted(caught.value.details) == [f"cn=second,{USERS}", f"uid=namesake,{USERS}"]

    def test_disabled(self, slapd: Slapd) -> None:
        with opened(slapd) as connection:
            assert connection.find("locked").disabled
            assert not connection.find("test10").disabled

    def test_the_active_filter_finds_enabled_people_only(self, slapd: Slapd) -> None:
        with slapd.admin() as admin:
            admin.search(USERS, f"(&{IPA.active_filter}(|(uid=locked)(uid=ivanov)(uid=test10)))", attributes=["uid"])
            assert sorted(e["raw_attributes"]["uid"][0] for e in admin.response) == [b"ivanov", b"test10"]

    def test_more_people_than_the_server_gives_at_once(self, slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
        """`sizelimit 20`, as real servers have one; only the service account may page beyond it."""
        with slapd.admin() as admin:
            for number in range(45):
                values = {"cn": "x", "sn": "x", "uid": f"u{number}", "ipaUniqueID": f"u-{number}"}
                admin.add(f"uid=u{number},{USERS}", ["inetOrgPerson", "ipaObject", "ruPostMailAccount"], values)
        monkeypatch.setattr(ldap, "_PAGE", 10)
        with opened(slapd) as connection:
            assert len(list(connection._search(IPA.people_filter))) == 11 + 45
        with opened(slapd, bind_dn=READER) as connection, pytest.raises(DirectoryError, match="cut its answer"):
            list(connection._search(IPA.people_filter))

    def test_a_connection_that_breaks_later(self, slapd: Slapd) -> None:
        connection = opened(slapd)
        connection._connection.socket.shutdown(socket.SHUT_RDWR)
        with pytest.raises(DirectoryUnreachable):
            connection.find("ivanov")
        connection.close()

    def test_active_directory(self, slapd: Slapd) -> None:
        changes = {"kind": "active_directory", "base": "dc=demo,dc=local", "bind_dn": AD_SERVICE}
        with connect(ipa(slapd, **changes), PASSWORD, AD) as connection:
            entry = connection.find("ivanov")
            assert (entry.login, entry.display_name) == ("Ivanov", "Иванов Иван")
            assert bytes.fromhex(entry.key.replace("-", "")) != IVANOV_GUID
            assert entry.key == "03020100-0504-0706-0809-0a0b0c0d0e0f"
            assert connection.find("off").disabled
            assert connection.write_mail(entry, "ivanov@company.test", ("SMTP:ivanov@company.test",))
        with slapd.admin("dc=demo,dc=local") as admin:
            admin.search("dc=demo,dc=local", AD.active_filter, attributes=["sAMAccountName"])
            assert sorted(e["raw_attributes"]["sAMAccountName"][0] for e in admin.response) == [
                b"Ivanov",
                b"svc-mail",
            ]


class TestWriting:
    def test_writes_and_then_has_nothing_to_write(self, slapd: Slapd) -> None:
        with opened(slapd) as connection:
            entry = connection.find("petrova")
            plan = plan_proxy_addresses(entry.proxy_addresses, "petrova@company.test", ("m@company.test",), ())
            assert connection.write_mail(entry, "petrova@company.test", plan.values)
            assert not connection.write_mail(connection.find("petrova"), "petrova@company.test", plan.values)
        now = slapd.read(f"uid=petrova,{USERS}")
        assert now["mail"] == ["petrova@company.test"]
        assert sorted(now["proxyAddresses"]) == [
            "SMTP:petrova@company.test", "X500:/o=Org/cn=petrova", "smtp:m@company.test", "smtp:petrova@old.test",
        ]  # fmt: skip

    def test_only_the_case_of_the_kind_changes(self, slapd: Slapd) -> None:
        slapd.change(f"uid=petrova,{USERS}", proxyAddresses=["smtp:p@company.test", "SMTP:q@company.test"])
        with opened(slapd) as connection:
            entry = connection.find("petrova")
            plan = plan_proxy_addresses(entry.proxy_addresses, "p@company.test", ["q@company.test"], ())
            assert connection.write_mail(entry, "p@company.test", plan.values)
        now = slapd.read(f"uid=petrova,{USERS}")
        assert sorted(now["proxyAddresses"]) == ["SMTP:p@company.test", "smtp:q@company.test"]

    def test_ald_pro_s_own_values_stay_as_they_are(self, slapd: Slapd) -> None:
        with opened(slapd) as connection:
            entry = connection.find("test10")
            plan = plan_proxy_addresses(entry.proxy_addresses, "test10@company.test", (), ())
            assert not connection.write_mail(entry, "test10@company.test", plan.values)

    def test_the_missing_class_is_added(self, slapd: Slapd) -> None:
        with opened(slapd) as connection:
            assert connection.write_mail(connection.find("bare"), "b@company.test", ("SMTP:b@company.test",))
        assert "ruPostMailAccount" in slapd.read(f"uid=bare,{USERS}")["objectClass"]

    @pytest.mark.parametrize(
        ("login", "meanwhile"),
        [
            ("petrova", {"mail": ["other@company.test"]}),
            ("petrova", {"mail": []}),
            ("petrova", {"proxyAddresses": ["SMTP:other@company.test"]}),
            ("ivanov", {"mail": ["other@company.test"]}),
            ("ivanov", {"proxyAddresses": ["smtp:other@company.test"]}),
        ],
    )
    def test_a_change_in_between_is_refused(self, slapd: Slapd, login: str, meanwhile: dict[str, list[str]]) -> None:
        with opened(slapd) as connection:
            entry = connection.find(login)
            slapd.change(f"uid={login},{USERS}", **meanwhile)
            changed = slapd.read(f"uid={login},{USERS}")
            with pytest.raises(DirectoryError, match="same moment"):
                connection.write_mail(entry, "new@company.test", ("SMTP:new@company.test",))
        if login == "petrova":
            assert slapd.read(f"uid={login},{USERS}") == changed

    def test_an_entry_that_went_away(self, slapd: Slapd) -> None:
        with opened(slapd) as connection:
            entry = connection.find("sidorov")
            with slapd.admin() as admin:
                admin.delete(entry.dn)
            with pytest.raises(DirectoryError, match="same moment"):
                connection.write_mail(entry, "new@company.test", ("SMTP:new@company.test",))

    def test_without_the_right_to_write(self, slapd: Slapd) -> None:
        with opened(slapd, bind_dn=READER) as connection, pytest.raises(DirectoryRights) as caught:
            connection.write_mail(connection.find("ivanov"), "i@company.test", ("SMTP:i@company.test",))
        assert "proxyAddresses" in caught.value.hint

    def test_other_holders(self, slapd: Slapd) -> None:
        with opened(slapd) as connection:
            entry = connection.find("sidorov")
            assert connection.other_holders(["sidorov@company.test"], entry) == [f"uid=rival,{USERS}"]
            assert connection.other_holders(["x@y.z", "MP@company.test"], entry) == [f"uid=petrova,{USERS}"]
            own = connection.find("test10")
            assert connection.other_holders(["test10@company.test"], own) == []


@contextmanager
def silent_server(greeting: bytes = b"") -> Iterator[tuple[str, list[socket.socket]]]:
    """Takes connections, says its greeting, and nothing more."""
    accepted: list[socket.socket] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    accepted.append(listener.accept()[0])
                    accepted[-1].sendall(greeting)
                    if greeting:
                        accepted[-1].close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"ldap://127.0.0.1:{listener.getsockname()[1]}", accepted
        for one in accepted:
            one.close()
