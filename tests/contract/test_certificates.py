"""Certificates in the database: which one serves, kept keys, orders; sealed, journaled, refused where need be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import text

from rupost_core.certificates import acme_store
from rupost_core.certificates.acme_service import AcmeService
from rupost_core.certificates.expiry import in_use
from rupost_core.certificates.material import Material, read_material
from rupost_core.certificates.model import self_signed
from rupost_core.certificates.verification import Expectation
from rupost_core.core import Core
from rupost_core.errors import AccessDenied, AlreadyExists, CertificateError, InputError, NotFound
from rupost_core.operation import Actor, Role
from rupost_core.secret import Secret
from rupost_core.settings import Settings

URL = "https://ca.test/dir"


def material(name: str = "mail.test") -> Material:
    return read_material(*self_signed(name, [name], datetime.now(UTC)))


def add(core: Core, name: str, kind: str = "mail") -> None:
    core.certificates.add(name, kind, material())


def serving(core: Core, kind: str = "mail") -> str:
    return next(one.name for one in in_use(core.certificates.certificates()) if one.kind == kind)


def journal(core: Core) -> list[tuple[str, str, str]]:
    return [(row.operation, row.subject, row.outcome) for row in core.access.journal(20)]


def answer(request_pem: str) -> bytes:
    """A root's certificate for a request, with the root after it."""
    request = x509.load_pem_x509_csr(request_pem.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    now = datetime.now(UTC)

    def builder(subject: x509.Name, public: object, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(root_name).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=300)).add_extension(x509.BasicConstraints(ca, None), True)
        )  # fmt: skip

    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    leaf = (
        builder(request.subject, request.public_key(), False)
        .add_extension(names, False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    root = builder(root_name, key.public_key(), True).sign(key, hashes.SHA256())
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (leaf, root))


def test_the_one_last_added_or_chosen_serves_and_a_builtin_only_alone(core: Core) -> None:
    core.certificates.ensure_builtin("mail", ["node1.test"])
    assert serving(core) == "rupost-builtin"
    add(core, "first")
    add(core, "second")
    assert serving(core) == "second"
    core.certificates.ensure_builtin("mail", ["node1.test"])
    assert serving(core) == "second"
    core.certificates.use("first")
    assert serving(core) == "first" and core.certificates.pair_in_use("mail").certificate.name == "first"
    core.certificates.use("rupost-builtin")
    assert serving(core) == "rupost-builtin"
    add(core, "second")  # added anew: an administrator's latest word
    assert serving(core) == "second"
    assert ("certificate.choose", "certificate:mail", "done") in journal(core)


def test_removal_spares_what_serves_and_what_is_built_in(core: Core) -> None:
    core.certificates.ensure_builtin("mail", ["node1.test"])
    add(core, "old")
    add(core, "new")
    for name in ("new", "rupost-builtin"):
        with pytest.raises(InputError):
            core.certificates.remove(name)
    core.certificates.remove("old")
    assert [one.name for one in core.certificates.certificates()] == ["new", "rupost-builtin"]
    with pytest.raises(NotFound):
        core.certificates.remove("old")
    assert ("certificate.remove", "certificate:old", "done") in journal(core)
    assert ("certificate.remove", "certificate:new", "failed") in journal(core)


def test_names_that_are_taken(core: Core) -> None:
    add(core, "mine")
    with pytest.raises(AlreadyExists):
        add(core, "mine", "control_panel")
    with pytest.raises(InputError):
        add(core, "rupost-control-panel-builtin", "control_panel")
    with pytest.raises(CertificateError):
        add(core, "a b")


def test_what_is_refused_is_not_stored_and_stands_in_the_journal(core: Core) -> None:
    bad = replace(material(), key=material().key)
    with pytest.raises(CertificateError, match="does not belong"):
        core.certificates.add("bad", "mail", bad)
    assert core.certificates.certificates() == []
    assert ("certificate.add", "", "failed") in journal(core)


def test_a_request_keeps_its_key_for_the_answer(core: Core) -> None:
    made = core.certificates.request("corp", ["mail.test", "autoconfig.test"], "ООО Демо", "ec:p256")
    core.certificates.request("other", ["mail.test"], "", "ec:p256")
    signed = answer(made.request_pem)
    added = core.certificates.add("whatever-name", "mail", read_material(signed))
    assert added.certificate.names == ("mail.test", "autoconfig.test")
    verdict = core.certificates.verify("whatever-name", Expectation(datetime.now(UTC)))
    assert verdict.ok and any(finding.check == "key_match" for finding in verdict.findings)
    with core.desk.transaction() as connection:
        assert connection.scalar(text("SELECT string_agg(name, ',') FROM certificate_request")) == "other"
    # The same key once more, as when an authority prolongs a certificate: it is the stored certificate's by now.
    core.certificates.add("next-year", "mail", read_material(signed))
    stranger = core.certificates.request("third", ["mail.test"], "", "ec:p384")
    core.certificates.request("third", ["mail.test"], "", "ec:p256")  # made anew: the first key is gone
    with pytest.raises(CertificateError, match="No kept key"):
        core.certificates.add("third", "mail", read_material(answer(stranger.request_pem)))


def test_the_root_that_was_vouched_for_is_remembered(core: Core) -> None:
    made = core.certificates.request("corp", ["mail.test"], "", "ec:p256")
    leaf, root = read_material(answer(made.request_pem)).chain
    now = Expectation(datetime.now(UTC))
    with pytest.raises(CertificateError, match="CN=root is missing"):
        core.certificates.add("corp", "mail", Material((leaf,), None), now)
    core.certificates.add("corp", "mail", Material((leaf,), None), replace(now, anchors=(root,)))
    assert core.certificates.verify("corp", now).ok


def test_keys_lie_sealed(core: Core) -> None:
    add(core, "a")
    core.certificates.request("b", ["mail.test"], "", "ec:p256")
    save_account(core)
    with core.desk.transaction() as connection:
        for table in ("certificate", "certificate_request", "acme_account"):
            sealed = connection.scalar(text(f"SELECT key_sealed FROM {table}"))  # noqa: S608
            assert b"PRIVATE KEY" not in bytes(sealed)


def save_account(core: Core) -> None:
    account = acme_store.Account(URL, f"{URL}/1", ("a@b.ru",), "", Secret("-----BEGIN PRIVATE KEY-----"))
    with core.desk.transaction() as connection:
        acme_store.save_account(connection, core.desk.keyring, account, "admin")
        assert acme_store.account(connection, core.desk.keyring, URL) == account
        assert acme_store.account(connection, core.desk.keyring, "https://other.test") is None


def ordered(core: Core, name: str) -> None:
    save_account(core)
    acme = AcmeService(core.desk)
    verdict = core.certificates.verify("seed", Expectation(datetime.now(UTC)))
    acme._keep(name, "mail", URL, ("mail.test",), "ec:p256", material(), verdict)


def test_a_renewal_leaves_the_choice_as_it_was(core: Core) -> None:
    add(core, "seed")
    ordered(core, "auto")
    assert serving(core) == "auto"
    core.certificates.use("seed")
    ordered(core, "auto")
    assert serving(core) == "seed"
    core.certificates.use("auto")
    ordered(core, "auto")
    assert serving(core) == "auto"


def test_what_an_administrator_brings_ends_the_order_and_so_does_removal(core: Core) -> None:
    add(core, "seed")
    ordered(core, "auto")
    ordered(core, "auto2")
    assert {order.certificate for order in core.acme.orders()} == {"auto", "auto2"}
    add(core, "auto")
    core.certificates.remove("auto2")
    assert core.acme.orders() == []


def test_failures_are_kept_and_what_is_due_is_told(core: Core, settings: Settings) -> None:
    add(core, "seed")
    ordered(core, "auto")
    [order] = core.acme.orders()
    late = order.not_after - (order.not_after - order.not_before) / 4
    assert core.acme.due(datetime.now(UTC)) == [] and core.acme.due(late) == ["auto"]
    with Core(settings, Actor("rupost", Role.OPERATOR, "service")) as service:
        service.acme._fail("auto", "no way")
    assert core.acme.orders()[0].failure == "no way"
    assert ("acme.fail", "certificate:auto", "done") in journal(core)


def test_a_viewer_sees_and_changes_nothing(core: Core, settings: Settings) -> None:
    add(core, "a")
    with Core(settings, Actor("somebody", Role.VIEWER, "cli")) as viewer:
        assert len(viewer.certificates.certificates()) == 1
        for attempt in (
            lambda: add(viewer, "b"),
            lambda: viewer.certificates.use("a"),
            lambda: viewer.certificates.remove("a"),
            lambda: viewer.certificates.request("c", ["mail.test"], "", "ec:p256"),
            lambda: viewer.dhparam.use_group("ffdhe2048"),
            lambda: viewer.acme.renew("a"),
        ):
            with pytest.raises(AccessDenied):
                attempt()


@pytest.mark.parametrize("group", ["ffdhe2048", "ffdhe3072", "ffdhe4096"])
def test_named_groups_are_taken_at_once_and_known_again(core: Core, group: str) -> None:
    assert core.dhparam.use_group(group) == int(group[5:])
    stored = core.dhparam.show()
    assert (stored.name, stored.group, stored.bits) == (group, group, int(group[5:]))
    assert ("dhparam.use", "dhparam", "done") in journal(core)
