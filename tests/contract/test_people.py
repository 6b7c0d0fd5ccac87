"""Connecting directories and opening mailboxes, over a real PostgreSQL and a real directory."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from rupost_core.access.model import JournalRow
from rupost_core.core import Core
from rupost_core.directory import store
from rupost_core.directory.ldap import DirectoryConnection
from rupost_core.errors import (
    AccessDenied,
    AlreadyExists,
    DirectoryCredentials,
    DirectoryError,
    DirectoryRights,
    DirectoryUnreachable,
    InputError,
    NotFound,
    RupostError,
)
from rupost_core.operation import Actor, Role
from rupost_core.secret import Keyring, Secret
from rupost_core.settings import Settings
from tests.contract.slapd import AD_SERVICE, BLIND, ODD_PASSWORD, SERVICE, Slapd

USERS = "cn=users,cn=accounts,dc=ipa,dc=local"
GIB = 2**30


def add(core: Core, slapd: Slapd, name: str = "ipa", **changes: object) -> object:
    arguments: dict[str, object] = {
        "kind": "freeipa", "urls": [slapd.tls], "base": "dc=ipa,dc=local", "bind_dn": SERVICE,
        "password": Secret(ODD_PASSWORD), "ca_pem": slapd.ca_pem,
    }  # fmt: skip
    return core.directory.add(name, **(arguments | changes))  # type: ignore[arg-type]


def journal(core: Core) -> list[JournalRow]:
    return core.access.journal(1000)


class TestDirectories:
    def test_add_and_list(self, core: Core, slapd: Slapd, keyring: Keyring) -> None:
        added = add(core, slapd)
        assert core.directory.directories() == [added]
        row = journal(core)[0]
        assert (row.operation, row.outcome, row.subject) == ("directory.add", "done", "directory:ipa")
        assert ODD_PASSWORD not in str(row)
        with core.desk.transaction() as connection:
            sealed = connection.execute(text("SELECT bind_password_sealed FROM directory")).scalar_one()
            assert ODD_PASSWORD.encode() not in bytes(sealed)
            (access,) = store.access(connection, keyring)
        assert access.bind_password.reveal() == ODD_PASSWORD
        assert ODD_PASSWORD not in repr(access)
        assert access.urls == (slapd.tls,)
        assert (access.name, access.kind, access.starttls, access.base) == (
            "ipa",
            "freeipa",
            False,
            "dc=ipa,dc=local",
        )
        assert (access.bind_dn, access.ca_pem) == (SERVICE, slapd.ca_pem.decode())
        assert (access.login_attribute, access.key_attribute) == ("uid", "ipaUniqueID")
        assert access.people_filter == "(objectClass=person)"
        assert access.active_filter == "(&(objectClass=person)(!(nsAccountLock=TRUE)))"

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"password": Secret("wrong")}, DirectoryCredentials),
            ({"password": Secret("")}, InputError),
            ({"bind_dn": BLIND}, DirectoryRights),
            ({"bind_dn": ""}, InputError),
            ({"base": "dc=nowhere,dc=local"}, DirectoryError),
            ({"base": "cn=etc,dc=ipa,dc=local"}, DirectoryRights),
            ({"base": "company"}, InputError),
            ({"urls": ["ldaps://localhost:1"]}, DirectoryUnreachable),
            ({"urls": []}, InputError),
            ({"ca_pem": b"nonsense"}, InputError),
            ({"ca_pem": "Ж".encode()}, InputError),
            ({"ca_pem": b""}, DirectoryError),
            ({"kind": "openldap"}, InputError),
            ({"kind": "active_directory"}, DirectoryRights),
            ({"name": "../x"}, InputError),
            ({"starttls": True}, InputError),
        ],
    )
    def test_what_does_not_work_is_not_stored(
        self, core: Core, slapd: Slapd, changes: dict[str, object], error: type[RupostError]
    ) -> None:
        with pytest.raises(error) as caught:
            add(core, slapd, **changes)  # type: ignore[arg-type]
        assert caught.value.hint
        assert core.directory.directories() == []
        assert (journal(core)[0].operation, journal(core)[0].outcome) == ("directory.add", "failed")

    def test_a_name_that_is_taken(self, core: Core, slapd: Slapd) -> None:
        add(core, slapd)
        with pytest.raises(AlreadyExists):
            add(core, slapd)

    def test_rights(self, settings: Settings, slapd: Slapd) -> None:
        with Core(settings, Actor("op", Role.OPERATOR, "cli")) as core:
            with pytest.raises(AccessDenied):
                add(core, slapd)
            assert core.directory.directories() == []


@pytest.fixture
def ready(core: Core, slapd: Slapd) -> Core:
    """A directory and a domain."""
    add(core, slapd)
    core.mail.add_domain("company.test")
    return core


class TestMailboxes:
    def test_create(self, ready: Core, slapd: Slapd) -> None:
        created = ready.mail.create_mailbox("IVANOV", "ipa", aliases=["I.Ivanov@Company.test", "ivanov@company.test"])
        box = created.mailbox
        assert (box.address, box.domain, box.aliases) == (
            "ivanov@company.test",
            "company.test",
            ("i.ivanov@company.test",),
        )
        assert (box.directory, box.entry_key, box.login) == ("ipa", "id-0", "ivanov")
        assert (box.display_name, box.quota_bytes, box.active) == ("Имя ivanov", 5 * GIB, True)
        assert box.home == "/srv/rupost/MailStorage/company.test/ivanov"
        assert created.dropped == ()
        assert ready.mail.mailbox("I.IVANOV@company.test") == ready.mail.mailbox("ivanov@company.test") == box
        assert ready.mail.mailboxes() == [box]
        now = slapd.read(f"uid=ivanov,{USERS}")
        assert now["mail"] == ["ivanov@company.test"]
        assert sorted(now["proxyAddresses"]) == ["SMTP:ivanov@company.test", "smtp:i.ivanov@company.test"]
        row = journal(ready)[0]
        assert (row.operation, row.outcome, row.subject) == ("mailbox.create", "done", "mailbox:ivanov@company.test")
        assert row.before == {"dn": f"uid=ivanov,{USERS}", "mail": [], "proxyAddresses": []}
        assert row.after is not None
        assert row.after["proxyAddresses"] == ["SMTP:ivanov@company.test", "smtp:i.ivanov@company.test"]

    def test_what_the_daemons_see(self, ready: Core) -> None:
        ready.mail.create_mailbox("ivanov", "ipa", aliases=["i@company.test"], quota="0")
        with ready.desk.transaction() as connection:

            def rows(query: str) -> list[tuple[object, ...]]:
                return [tuple(row) for row in connection.execute(text(query))]

            assert rows("SELECT * FROM lookup.domain") == [("company.test",)]
            home = "/srv/rupost/MailStorage/company.test/ivanov"
            assert rows("SELECT address, home, quota_bytes FROM lookup.mailbox") == [("ivanov@company.test", home, 0)]
            assert rows("SELECT address, mailbox FROM lookup.alias") == [("i@company.test", "ivanov@company.test")]
            assert rows("SELECT address, login FROM lookup.sender ORDER BY 1") == [
                ("i@company.test", "ivanov@company.test"), ("ivanov@company.test", "ivanov@company.test"),
            ]  # fmt: skip

    def test_what_others_wrote_into_proxy_addresses(self, ready: Core, slapd: Slapd) -> None:
        created = ready.mail.create_mailbox("petrova", "ipa")
        assert created.dropped == ("mp@company.test",)
        assert sorted(slapd.read(f"uid=petrova,{USERS}")["proxyAddresses"]) == [
            "SMTP:petrova@company.test", "X500:/o=Org/cn=petrova", "smtp:petrova@old.test",
        ]  # fmt: skip

    def test_active_directory(self, core: Core, slapd: Slapd) -> None:
        add(core, slapd, "ad", kind="active_directory", base="dc=demo,dc=local", bind_dn=AD_SERVICE)
        core.mail.add_domain("почта.рф")
        box = core.mail.create_mailbox("ivanov", "ad", quota="500M").mailbox
        assert box.address == "ivanov@xn--80a1acny.xn--p1ai"
        assert box.entry_key == "03020100-0504-0706-0809-0a0b0c0d0e0f"
        assert core.mail.mailboxes(domain="почта.рф") == [box]
        with pytest.raises(InputError, match="off"):
            core.mail.create_mailbox("off", "ad")

    @pytest.mark.parametrize(
        ("login", "arguments", "error"),
        [
            ("nobody", {}, NotFound),
            ("ivanov", {"directory": "nowhere"}, NotFound),
            ("namesake", {}, DirectoryError),
            ("locked", {}, InputError),
            ("Иван", {}, InputError),
            ("ivanov", {"domain": "other.test"}, NotFound),
            ("ivanov", {"address": "ivanov@other.test"}, NotFound),
            ("ivanov", {"address": "ivanov"}, InputError),
            ("ivanov", {"address": "i@company.test", "domain": "other.test"}, InputError),
            ("ivanov", {"aliases": ["i@other.test"]}, NotFound),
            ("ivanov", {"aliases": ["../x@company.test"]}, InputError),
            ("ivanov", {"quota": "5"}, InputError),
            ("sidorov", {}, AlreadyExists),
            ("ivanov", {"aliases": ["sidorov@company.test"]}, AlreadyExists),
        ],
    )
    def test_refusals_leave_nothing(
        self, ready: Core, slapd: Slapd, login: str, arguments: dict[str, object], error: type[RupostError]
    ) -> None:
        with pytest.raises(error) as caught:
            ready.mail.create_mailbox(login, **({"directory": "ipa"} | arguments))  # type: ignore[arg-type]
        assert caught.value.hint
        assert ready.mail.mailboxes() == []
        assert "mail" not in slapd.read(f"uid=ivanov,{USERS}")
        assert (journal(ready)[0].operation, journal(ready)[0].outcome) == ("mailbox.create", "failed")

    def test_several_domains(self, ready: Core) -> None:
        ready.mail.add_domain("second.test")
        with pytest.raises(InputError, match=r"second\.test"):
            ready.mail.create_mailbox("ivanov", "ipa")
        assert ready.mail.create_mailbox("ivanov", "ipa", domain="Second.test").mailbox.domain == "second.test"

    def test_taken_by_whom(self, ready: Core) -> None:
        ready.mail.create_mailbox("ivanov", "ipa", aliases=["i@company.test"])
        with pytest.raises(AlreadyExists, match=r"ivanov@company\.test") as caught:
            ready.mail.create_mailbox("petrova", "ipa", address="i@company.test")
        assert "ivanov@company.test" in caught.value.message
        with pytest.raises(AlreadyExists, match=r"ivanov@company\.test"):
            ready.mail.create_mailbox("petrova", "ipa", aliases=["ivanov@company.test"])
        with pytest.raises(AlreadyExists, match="ivanov"):
            ready.mail.create_mailbox("ivanov", "ipa", address="other@company.test")
        assert len(ready.mail.mailboxes()) == 1

    def test_a_refused_write_stores_nothing(self, ready: Core, slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
        """The entry changes between reading and writing."""
        find = DirectoryConnection.find

        def find_and_interfere(self: DirectoryConnection, login: str) -> object:
            entry = find(self, login)
            slapd.change(entry.dn, mail=["other@company.test"])
            return entry

        monkeypatch.setattr(DirectoryConnection, "find", find_and_interfere)
        with pytest.raises(DirectoryError):
            ready.mail.create_mailbox("petrova", "ipa")
        assert ready.mail.mailboxes() == []
        with pytest.raises(NotFound):
            ready.mail.mailbox("petrova@company.test")

    def test_two_at_the_same_moment(self, ready: Core, settings: Settings) -> None:
        """Two administrators give one address to two people: one of them gets it."""
        outcomes: list[str] = []
        gate = threading.Barrier(2)

        def create(login: str) -> None:
            with Core(settings, Actor(login, Role.ADMINISTRATOR, "cli")) as core:
                assert core.desk.keyring
                gate.wait(10)
                try:
                    core.mail.create_mailbox(login, "ipa", address="info@company.test")
                    outcomes.append("done")
                except AlreadyExists:
                    outcomes.append("taken")

        threads = [threading.Thread(target=create, args=(login,)) for login in ("ivanov", "test10")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["done", "taken"]
        assert [box.address for box in ready.mail.mailboxes()] == ["info@company.test"]

    def test_search(self, ready: Core) -> None:
        for login, alias in (
            ("ivanov", "head_office@company.test"),
            ("petrova", "p@company.test"),
            ("test10", "t@company.test"),
        ):
            ready.mail.create_mailbox(login, "ipa", aliases=[alias])

        def found(search: str, **more: object) -> list[str]:
            return [box.login for box in ready.mail.mailboxes(search=search, **more)]  # type: ignore[arg-type]

        assert found("") == ["ivanov", "petrova", "test10"]
        assert found("", limit=2) == ["ivanov", "petrova"]
        assert found("IVAN") == ["ivanov"]
        assert found("имя p") == ["petrova"]
        assert found("d_o") == ["ivanov"]
        assert found("%") == []
        assert found("", domain="other.test") == []

    def test_roles(self, ready: Core, settings: Settings) -> None:
        with Core(settings, Actor("viewer", Role.VIEWER, "cli")) as viewer:
            with pytest.raises(AccessDenied):
                viewer.mail.create_mailbox("ivanov", "ipa")
            with pytest.raises(AccessDenied):
                viewer.mail.add_domain("x.test")
            assert viewer.mail.mailboxes() == []
        with Core(settings, Actor("operator", Role.OPERATOR, "cli")) as operator:
            assert operator.mail.create_mailbox("ivanov", "ipa").mailbox.active

    def test_a_wrong_data_key(self, ready: Core, settings: Settings) -> None:
        with ready.desk.transaction() as connection:
            connection.execute(text("UPDATE directory SET bind_password_sealed = '\\x00'"))
        with pytest.raises(RupostError) as caught:
            ready.mail.create_mailbox("ivanov", "ipa")
        assert caught.value.code == "seal_broken"


def test_domains(core: Core) -> None:
    assert core.mail.domains() == []
    added = core.mail.add_domain("Company.Test")
    assert added.name == "company.test"
    with pytest.raises(AlreadyExists):
        core.mail.add_domain("company.test.")
    with pytest.raises(InputError):
        core.mail.add_domain("company")
    assert core.mail.domains() == [added]
    assert [row.outcome for row in journal(core)] == ["failed", "failed", "done"]


def test_a_seal_belongs_to_its_directory(core: Core, slapd: Slapd, keyring: Keyring) -> None:
    add(core, slapd)
    with core.desk.transaction() as connection:
        connection.execute(text("UPDATE directory SET name = 'other'"))
        with pytest.raises(RupostError):
            store.access(connection, keyring)
    assert replace(core.directory.directories()[0], name="ipa").name == "ipa"
