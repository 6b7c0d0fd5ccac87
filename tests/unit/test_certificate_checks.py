"""Whether a certificate would do: chains of every shape, made on the spot."""

from __future__ import annotations

import subprocess

import pytest
from authority import DAY, NOW, issue
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from rupost_core.certificates.material import Material, read_material
from rupost_core.certificates.trust import roots_of, system_anchors
from rupost_core.certificates.verification import Expectation, covers, examine
from rupost_core.errors import CertificateError

ROOT = issue("root", ca=True, end=NOW + 3000 * DAY)
MIDDLE = issue("middle", ROOT, ca=True, path_length=0, end=NOW + 2000 * DAY)
LEAF = issue("leaf", MIDDLE)
TRUSTED = (ROOT.certificate,)
PASSWORD = "пароль 1".encode()


def verdict(*chain, key=None, anchors=TRUSTED, names=("mail.test",), now=NOW, anchor_needed=True):
    material = Material(tuple(one.certificate for one in chain), key or chain[0].key)
    return examine(material, Expectation(now, anchors, names, anchor_needed))


def errors(*chain, **options):
    return [finding for finding in verdict(*chain, **options).findings if finding.outcome == "error"]


def only_error(check, *chain, **options):
    found = errors(*chain, **options)
    assert [finding.check for finding in found] == [check], found
    return found[0].message + " " + found[0].hint


def warned(*chain, **options):
    assert errors(*chain, **options) == []
    return {finding.check for finding in verdict(*chain, **options).warnings}


def test_a_good_chain_has_nothing_against_it_and_knows_its_root():
    found = verdict(LEAF, MIDDLE)
    assert found.ok and found.warnings == () and found.anchor == ROOT.certificate
    assert {finding.check for finding in found.findings} == {
        "key_match", "leaf", "key_strength", "signature", "chain", "dates", "purpose", "names"
    }  # fmt: skip


def test_the_root_may_stand_in_the_file():
    found = verdict(LEAF, MIDDLE, ROOT, anchors=())
    assert found.ok and found.anchor is None


@pytest.mark.parametrize("chain", [(LEAF, ROOT, MIDDLE), (MIDDLE, LEAF, ROOT), (ROOT, MIDDLE, LEAF)])
def test_a_wrong_order_is_told_with_the_right_one(chain):
    found = [f for f in errors(*chain, key=chain[0].key) if f.check == "chain"]
    assert "CN=leaf → CN=middle → CN=root" in found[0].hint


def test_a_missing_intermediate_is_named():
    assert "The certificate of CN=middle is missing" in only_error("chain", LEAF)
    assert "The certificate of CN=middle is missing" in only_error("chain", LEAF, ROOT)


def test_an_unknown_root_is_an_error_with_a_way_out_or_a_warning():
    said = only_error("chain", LEAF, MIDDLE, anchors=())
    assert "CN=root" in said and "--ca-path" in said
    assert warned(LEAF, MIDDLE, anchors=(), anchor_needed=False) == {"chain"}


def test_a_root_of_the_same_name_with_another_key_does_not_count():
    other = issue("root", ca=True)
    assert "CN=root is missing" in only_error("chain", LEAF, MIDDLE, anchors=(other.certificate,))
    assert "The signature of CN=middle" in only_error("chain", LEAF, MIDDLE, other)
    assert verdict(LEAF, MIDDLE, anchors=(other.certificate, ROOT.certificate)).anchor == ROOT.certificate


def test_a_stranger_in_the_chain():
    assert "CN=stranger does not belong" in only_error("chain", LEAF, MIDDLE, ROOT, issue("stranger", ca=True))


def test_an_issuer_that_is_no_authority():
    fake = issue("fake", ROOT)
    assert "CN=fake has issued a certificate and is no authority" in only_error("chain", issue("x", fake), fake)
    bare = issue("bare", ROOT, constraints=False, names=())
    assert "CN=bare has issued" in only_error("chain", issue("x", bare), bare)


def test_a_path_that_is_too_long():
    below = issue("below", MIDDLE, ca=True)
    assert "CN=middle may have 0" in only_error("chain", issue("x", below), below, MIDDLE)


def test_a_self_signed_one_is_warned_of():
    alone = issue("alone")
    assert warned(alone) == {"chain"}
    forged = issue("alone", sign_with=ec.generate_private_key(ec.SECP256R1()))
    assert "The signature of CN=alone" in only_error("chain", forged)


def test_an_authority_is_no_server():
    assert "CA:TRUE" in errors(ROOT, names=())[0].message


def test_another_key():
    assert "does not belong" in only_error("key_match", LEAF, MIDDLE, key=MIDDLE.key)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (rsa.generate_private_key(65537, 1024), "1024 bits"),  # noqa: S505 - it is to be refused
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        (ed25519.Ed25519PrivateKey.generate(), "neither RSA nor EC"),
    ],
)
def test_keys_that_clients_do_not_take(key, said):
    assert said in only_error("key_strength", issue("leaf", MIDDLE, key=key), MIDDLE)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_curves_that_clients_take(curve):
    assert errors(issue("leaf", MIDDLE, key=ec.generate_private_key(curve)), MIDDLE) == []


def test_rsa_is_taken_from_2048_bits_on():
    assert errors(issue("leaf", MIDDLE, key=rsa.generate_private_key(65537, 2048)), MIDDLE) == []


def test_sha1_is_refused_but_for_a_roots_own_signature(tmp_path):
    """The library signs with SHA-1 no more; OpenSSL does."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "900", "-set_serial", "1"]
    ask = [*command, "-addext", "subjectAltName=DNS:mail.test", "-addext", "basicConstraints=critical,CA:FALSE"]
    for digest in ("sha1", "md5"):
        files = ["-keyout", tmp_path / "key", "-out", tmp_path / "crt"]
        subprocess.run([*ask, f"-{digest}", "-subj", "/CN=old", *files], check=True, capture_output=True, timeout=60)
        material = read_material((tmp_path / "crt").read_bytes(), (tmp_path / "key").read_bytes())
        now = material.chain[0].not_valid_before_utc + DAY
        found = [f for f in examine(material, Expectation(now)).findings if f.outcome == "error"]
        assert found[0].check == "signature" and digest.upper().replace("SHA1", "SHA-1") in found[0].message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"end": NOW - DAY / 2}, "expired on 2026-06-01"),
        ({"end": NOW}, "expired"),
        ({"start": NOW + DAY}, "is not valid before 2026-06-02"),
    ],
)
def test_dates(options, said):
    assert said in only_error("dates", issue("leaf", MIDDLE, **options), MIDDLE)


def test_dates_of_the_authorities_count_too():
    old = issue("middle", ROOT, ca=True, end=NOW - DAY / 2)
    assert "CN=middle expired" in only_error("dates", issue("leaf", old), old)
    short = issue("middle", ROOT, ca=True, end=NOW + 100 * DAY)
    assert warned(issue("leaf", short), short) == {"dates"}


def test_the_last_days_are_warned_of_but_a_short_life_has_its_own_measure():
    assert warned(issue("leaf", MIDDLE, end=NOW + 29 * DAY), MIDDLE) == set()  # a life of 30 days: not yet a third
    assert warned(issue("leaf", MIDDLE, start=NOW - 300 * DAY, end=NOW + 29 * DAY), MIDDLE) == {"dates"}
    assert warned(issue("leaf", MIDDLE, start=NOW - 300 * DAY, end=NOW + 30 * DAY), MIDDLE) == set()


def test_purpose():
    client = issue("leaf", MIDDLE, usage=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    assert "serverAuth" in only_error("purpose", client, MIDDLE)
    assert warned(issue("leaf", MIDDLE, usage=()), MIDDLE) == {"purpose"}
    assert warned(issue("leaf", MIDDLE, usage=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)), MIDDLE) == set()
    bits = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
    assert "digitalSignature" in only_error("purpose", issue("leaf", MIDDLE, key_usage=bits), MIDDLE)


def test_names_are_warned_of():
    assert warned(LEAF, MIDDLE, names=("mail.test", "autoconfig.test")) == {"names"}
    assert warned(issue("mail.test", MIDDLE, names=()), MIDDLE) == {"names"}  # a common name counts no more
    assert warned(issue("leaf", MIDDLE, names=("*.test.ru",)), MIDDLE, names=("mail.test.ru",)) == set()


@pytest.mark.parametrize(
    ("pattern", "name", "right"),
    [
        ("mail.a.ru", "MAIL.A.RU.", True),
        ("*.a.ru", "mail.a.ru", True),
        ("*.a.ru", "a.ru", False),
        ("*.a.ru", "x.mail.a.ru", False),
        ("*.ru", "a.ru", False),
        ("m*.a.ru", "mail.a.ru", False),
        ("*", "mail", False),
    ],
)
def test_wildcards_cover_one_label(pattern, name, right):
    assert covers(pattern, name) is right


def test_every_error_is_told_at_once():
    bad = issue("leaf", MIDDLE, usage=(ExtendedKeyUsageOID.CLIENT_AUTH,), end=NOW - DAY / 2)
    with pytest.raises(CertificateError) as raised:
        verdict(bad, key=MIDDLE.key).require()
    assert len(raised.value.details) == 3


class TestReading:
    def test_pem_with_noise_and_the_key_in_the_same_file(self):
        content = b"Bag Attributes\n" + LEAF.pem + b"\r\n" + MIDDLE.pem + LEAF.key_pem
        read = read_material(content)
        assert [c for c in read.chain] == [LEAF.certificate, MIDDLE.certificate]
        assert read.key is not None and not read.was_encrypted

    def test_without_a_key(self):
        assert read_material(LEAF.pem).key is None

    def test_der(self):
        der = LEAF.certificate.public_bytes(serialization.Encoding.DER)
        key = LEAF.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        assert read_material(der, key).chain == (LEAF.certificate,)

    @pytest.mark.parametrize(
        "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
    )
    def test_an_encrypted_key(self, form):
        key = LEAF.key_in(serialization.BestAvailableEncryption(PASSWORD), form)
        read = read_material(LEAF.pem, key, lambda: PASSWORD)
        assert read.was_encrypted and verdict(LEAF, MIDDLE, key=read.key).ok
        with pytest.raises(CertificateError, match="does not open"):
            read_material(LEAF.pem, key, lambda: b"wrong")
        with pytest.raises(CertificateError, match="is encrypted") as raised:
            read_material(LEAF.pem, key)
        assert "--key-password-file" in raised.value.hint

    @pytest.mark.parametrize("password", [None, PASSWORD])
    def test_pkcs12_in_any_order(self, password):
        others = [ROOT.certificate, MIDDLE.certificate]
        locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        bundle = pkcs12.serialize_key_and_certificates(b"mail", LEAF.key, LEAF.certificate, others, locked)
        read = read_material(bundle, None, lambda: PASSWORD)
        assert read.chain == (LEAF.certificate, MIDDLE.certificate, ROOT.certificate)
        assert read.was_encrypted is bool(password)
        assert examine(read, Expectation(NOW)).ok
        if password:
            with pytest.raises(CertificateError, match="does not open"):
                read_material(bundle, None, lambda: b"wrong")

    @pytest.mark.parametrize(
        "content",
        [b"", b"hello", b"\x30", b"\x30\x82\x01\x00abc", LEAF.key_pem, LEAF.pem[:200] + LEAF.pem[230:], b"\xff" * 99],
    )
    def test_what_is_no_certificate(self, content):
        with pytest.raises(CertificateError):
            read_material(content, LEAF.key_pem, lambda: b"")

    @pytest.mark.parametrize("content", [b"", b"hello", LEAF.pem, LEAF.key_pem[:90], b"\x30\x03\x02\x01\x01"])
    def test_what_is_no_key(self, content):
        with pytest.raises(CertificateError):
            read_material(LEAF.pem, content, lambda: b"")

    def test_a_key_of_another_kind(self):
        other = ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with pytest.raises(CertificateError, match="neither RSA nor EC"):
            read_material(LEAF.pem, other)


class TestRoots:
    def test_only_roots_count_as_such(self):
        assert roots_of(MIDDLE.pem + ROOT.pem) == (ROOT.certificate,)
        with pytest.raises(CertificateError):
            roots_of(b"no certificate")

    def test_one_odd_root_hides_none_of_the_others(self, tmp_path):
        store = tmp_path / "store"
        store.write_bytes(ROOT.pem[:100] + b"\n-----END CERTIFICATE-----\n" + ROOT.pem)
        assert system_anchors(store) == (ROOT.certificate,)
        assert system_anchors(tmp_path / "absent") == ()

    def test_the_system_has_some(self):
        assert all(isinstance(one, x509.Certificate) for one in system_anchors())


def test_hash_of_a_good_signature_is_no_matter():
    assert errors(issue("leaf", MIDDLE, digest=hashes.SHA384), MIDDLE) == []
