"""ACME: names and dates; and an authority that answers with nonsense. A real one issues in tests/lab."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from datetime import timedelta

import pytest
from authority import NOW, issue
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from rupost_core.certificates.acme_client import AcmeClient, Binding
from rupost_core.certificates.acme_store import Order
from rupost_core.certificates.renewal import due_at, is_due
from rupost_core.certificates.signing_request import check_hosts, make_key, make_request
from rupost_core.errors import CertificateError

KEY = ec.generate_private_key(ec.SECP256R1())
LIFE = timedelta(days=90)


def order(**changes):
    values = {"not_before": NOW, "not_after": NOW + LIFE, "tried_at": NOW, "failure": ""} | changes
    return Order("a", "https://ca.test", ("mail.test",), "ec:p256", **values)


def test_it_is_due_when_a_third_is_left():
    assert due_at(order()) == NOW + timedelta(days=60)
    assert not is_due(order(), NOW + timedelta(days=59.99)) and is_due(order(), NOW + timedelta(days=60))
    assert is_due(order(), NOW + timedelta(days=200))


@pytest.mark.parametrize(
    ("life", "pause"),
    [
        (timedelta(days=90), timedelta(hours=6)),
        (timedelta(days=1), timedelta(minutes=48)),
        (timedelta(minutes=3), timedelta(minutes=1)),
    ],
)
def test_after_a_failure_there_is_a_pause_that_fits_the_life(life, pause):
    tried = NOW + life * 0.8
    failed = order(not_after=NOW + life, tried_at=tried, failure="no")
    assert due_at(failed) == tried + pause


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        (["Mail.Example.RU.", "mail.example.ru"], ("mail.example.ru",)),
        (["почта.рф", " 10.0.0.1", "fd00::0001"], ("xn--80a1acny.xn--p1ai", "10.0.0.1", "fd00::1")),
    ],
)
def test_names_are_brought_into_one_form(given_names, expected):
    assert check_hosts(given_names) == expected


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a..b", "-a.ru", "a-.ru", "x" * 64, "a/../b", "a\nb", "mail.*.ru", "я" * 80]
)
def test_what_is_no_name(name):
    with pytest.raises(CertificateError):
        check_hosts([name])


@given(st.text(max_size=60))
def test_any_text_is_a_name_that_a_request_can_carry_or_refused(text):
    try:
        names = check_hosts([text])
    except CertificateError:
        return
    assert make_request(names, "Org", KEY).is_signature_valid


def test_wildcards_are_not_for_http():
    assert check_hosts(["*.a.ru"]) == ("*.a.ru",)
    with pytest.raises(CertificateError, match="only DNS"):
        check_hosts(["*.a.ru"], wildcards=False)


@pytest.mark.parametrize(("kind", "bits"), [("ec:p256", 256), ("ec:p384", 384), ("rsa:2048", 2048)])
def test_keys_are_as_asked(kind, bits):
    assert make_key(kind).key_size == bits


class Authority:
    """Answers what a test tells it; `answers` is path → (status, headers, body)."""

    def __init__(self, folder):
        dates = {"start": NOW.replace(year=2020), "end": NOW.replace(year=2099)}
        self.root = issue("ca", ca=True, **dates)
        leaf = issue("server", self.root, names=("localhost",), **dates)
        self.answers, self.asked = {}, []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                owner.asked.append((self.path, body))
                answer = owner.answers.get(self.path, (404, {}, b""))
                status, headers, content = answer.pop(0) if isinstance(answer, list) else answer
                self.send_response(status)
                for name, value in ({"Replay-Nonce": f"n{len(owner.asked)}"} | headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_HEAD = _answer

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        (folder / "pair.pem").write_bytes(leaf.pem + leaf.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "pair.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        resources = {name: f"{self.url}/{name}" for name in ("newNonce", "newAccount", "newOrder")}
        self.say("/dir", resources)
        self.say("/newNonce", {})

    def say(self, path, value, status=200, **headers):
        self.answers[path] = (status, headers, value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.fixture
def authority(tmp_path):
    made = Authority(tmp_path)
    yield made
    made.server.shutdown()


@pytest.fixture
def client(authority):
    return AcmeClient(f"{authority.url}/dir", authority.root.pem.decode(), KEY, "https://localhost/account/1", 3.0)


def refusal(call, *arguments, **options):
    with pytest.raises(CertificateError) as raised:
        call(*arguments, **options)
    return f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"newOrder": 1}', b"\xff\xfe"])
def test_a_directory_that_is_none(authority, client, body):
    authority.say("/dir", body)
    assert "--directory-url" in refusal(client.order, ("mail.test",))


def test_an_authority_that_nobody_vouches_for(authority):
    other = issue("elsewhere", ca=True)
    stranger = AcmeClient(f"{authority.url}/dir", other.pem.decode(), KEY)
    assert "cannot be trusted" in refusal(stranger.terms)
    assert authority.asked == []
    assert "--ca-path" in refusal(AcmeClient, f"{authority.url}/dir", "no certificate", KEY)


def test_only_https():
    for url in ("http://localhost/dir", "file:///etc/passwd", "ftp://localhost/dir"):
        assert "HTTPS" in refusal(AcmeClient(url, "", KEY).terms)


def test_a_redirect_is_not_followed(authority, client):
    authority.answers["/dir"] = (302, {"Location": f"{authority.url}/newNonce"}, b"")
    assert "HTTP 302" in refusal(client.terms)


def challenge(token):
    return {
        "status": "pending", "identifier": {"type": "dns", "value": "mail.test"},
        "challenges": [{"type": "http-01", "token": token, "url": "https://localhost/c"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "token", ["", "short", "../../../etc/cron.d/x_________", "a" * 201, "aaaaaaaaaaaaaaaa\n", None, 5, []]
)
def test_a_token_becomes_no_path(authority, client, token):
    authority.say("/authz", challenge(token))
    assert "ACME" in refusal(client.challenges, {"authorizations": [f"{authority.url}/authz"]})


def test_a_good_token_and_its_answer(authority, client):
    authority.say("/authz", challenge("A" * 43))
    [found] = client.challenges({"authorizations": [f"{authority.url}/authz"]})
    assert found.answer.startswith("A" * 43 + ".") and len(found.answer) == 43 + 1 + 43


@pytest.mark.parametrize(
    "body", [b"[]", b"5", b"null", b'{"identifier": 5}', b'{"challenges": 5}', b'{"challenges": [5]}']
)
def test_an_authorization_of_another_shape(authority, client, body):
    authority.say("/authz", body)
    refusal(client.challenges, {"authorizations": [f"{authority.url}/authz"]})


def test_what_the_authority_says_is_told(authority, client):
    problem = {
        "type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not ours",
        "subproblems": [{"identifier": {"value": "mail.test"}, "detail": "unknown domain"}],
    }  # fmt: skip
    authority.say("/newOrder", problem, 403)
    said = refusal(client.order, ("mail.test",))
    assert "not ours" in said and "mail.test: unknown domain" in said


def test_a_nonce_that_was_refused_is_replaced(authority, client):
    bad = (400, {}, b'{"type": "urn:ietf:params:acme:error:badNonce"}')
    authority.answers["/newOrder"] = [bad, bad, (201, {"Location": "x"}, b'{"status": "pending"}')]
    assert client.order(("mail.test",))[0] == "x"
    authority.answers["/newOrder"] = bad
    assert "badNonce" in refusal(client.order, ("mail.test",))


def test_it_does_not_wait_for_ever(authority, client):
    authority.say("/order", {"status": "processing"})
    assert "did not decide" in refusal(client.certificate, f"{authority.url}/order", b"")


def test_a_binding_is_asked_for_and_signed_with_its_key(authority, client):
    meta = {"meta": {"externalAccountRequired": True}, "newNonce": f"{authority.url}/newNonce",
            "newAccount": f"{authority.url}/newAccount"}  # fmt: skip
    authority.say("/dir", meta)
    client.account_url = ""
    assert "--eab-kid" in refusal(client.register, ("a@b.ru",), terms_agreed=True, binding=None)
    authority.say("/newAccount", {}, 201, Location="https://localhost/account/2")
    assert client.register(("a@b.ru",), terms_agreed=True, binding=Binding("kid1", b"k" * 32)).endswith("/2")
    sent = json.loads(authority.asked[-1][1])
    assert set(sent) == {"protected", "payload", "signature"}
