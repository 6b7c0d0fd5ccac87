"""A client of ACME (RFC 8555): account, order, proof over HTTP (HTTP-01), certificate.

Answers of the authority are foreign data: their texts go into errors, their addresses are asked only over HTTPS, and
a token is used as a file's name only after it was found to be one (`Challenge`).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import http.client
import ipaddress
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, ParamSpec, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from rupost_core.errors import CertificateError
from rupost_core.i18n import translate as _

_REQUEST_SECONDS = 30.0
_MOST_BYTES = 1_000_000
_NONCE_ATTEMPTS = 6
_PAUSE_SECONDS = 1.0
_BAD_NONCE = "urn:ietf:params:acme:error:badNonce"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")
_POINT_BYTES = 32  # P-256


@dataclass(frozen=True)
class Binding:
    """External account binding (RFC 8555 7.3.4): `key` is the MAC key, decoded."""

    identifier: str
    key: bytes


@dataclass(frozen=True)
class Challenge:
    """What must be readable at http://NAME/.well-known/acme-challenge/TOKEN. The token is a safe file name."""

    name: str
    token: str
    answer: str
    url: str
    authorization_url: str


@dataclass
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise _not_acme() from error
        if not isinstance(value, dict):
            raise _not_acme()
        return value


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """ACME has none, and one to another place would carry a signed request with it."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


P = ParamSpec("P")
R = TypeVar("R")


def _foreign(method: Callable[P, R]) -> Callable[P, R]:
    """JSON of an unexpected shape is the authority's fault, and is told as such."""

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (KeyError, TypeError, AttributeError) as error:
            raise _not_acme() from error

    return run


@dataclass
class AcmeClient:
    """One account at one authority. Every method raises CertificateError with what the authority said.

    `ca_pem` is what the authority's own certificate is checked with; without it, what this system trusts.
    `seconds` is for everything together.
    """

    directory_url: str
    ca_pem: str
    key: ec.EllipticCurvePrivateKey
    account_url: str = ""
    seconds: float = 120.0
    _nonces: list[str] = field(default_factory=list)
    _directory: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.seconds
        try:
            context = ssl.create_default_context(cadata=self.ca_pem or None)
        except (ssl.SSLError, ValueError) as error:
            raise CertificateError(
                _("The authority's certificate cannot be read: {reason}", reason=error), hint=_("Check --ca-path.")
            ) from error
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirects())

    def terms(self) -> str:
        """The address of the authority's terms of service; empty when it has none."""
        meta = self._resources().get("meta")
        return str(meta.get("termsOfService", "")) if isinstance(meta, dict) else ""

    def register(self, contacts: tuple[str, ...], *, terms_agreed: bool, binding: Binding | None) -> str:
        """Makes the account, or finds the one of this key; returns its address."""
        meta = self._resources().get("meta")
        if isinstance(meta, dict) and meta.get("externalAccountRequired") and binding is None:
            raise CertificateError(
                _("This authority takes only accounts that it knows beforehand (external account binding)."),
                hint=_("Ask it for a key identifier and a key: --eab-kid ID --eab-hmac-file FILE"),
            )
        url = self._resource("newAccount")
        payload: dict[str, Any] = {"contact": [f"mailto:{one}" for one in contacts]}
        if terms_agreed:
            payload["termsOfServiceAgreed"] = True
        if binding is not None:
            payload["externalAccountBinding"] = self._bound(binding, url)
        answer = self._post(url, payload)
        self.account_url = answer.headers.get("location", "")
        if not self.account_url:
            raise _not_acme()
        return self.account_url

    def order(self, names: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        """(the order's address, the order) for these host names and IP addresses (RFC 8738)."""
        answer = self._post(
            self._resource("newOrder"), {"identifiers": [{"type": _kind(name), "value": name} for name in names]}
        )
        return answer.headers.get("location", ""), answer.json()

    @_foreign
    def challenges(self, order: Mapping[str, Any]) -> list[Challenge]:
        """What is still to be proven for the order."""
        found = []
        for url in order.get("authorizations", []):
            authorization = self._get(url)
            name = str(authorization.get("identifier", {}).get("value", ""))
            if authorization.get("status") == "valid":
                continue
            offered = [one for one in authorization.get("challenges", []) if one.get("type") == "http-01"]
            if not offered:
                raise CertificateError(
                    _("The authority does not let {name} be proven over HTTP (http-01).", name=name),
                    hint=_("Order the certificate by hand: rupost cert csr"),
                )
            token = str(offered[0].get("token", ""))
            if not _TOKEN.fullmatch(token):
                raise _not_acme()
            found.append(Challenge(name, token, f"{token}.{self._thumbprint()}", str(offered[0]["url"]), url))
        return found

    @_foreign
    def prove(self, challenge: Challenge) -> None:
        """Lets the authority look; returns when it has seen the answer."""
        self._post(challenge.url, {})
        authorization = self._wait(challenge.authorization_url, lambda value: value.get("status") != "pending")
        if authorization.get("status") == "valid":
            return
        said = [one["error"] for one in authorization.get("challenges", []) if one.get("error")]
        raise CertificateError(
            _("The authority could not prove {name}: {said}",
              name=challenge.name, said=_said(said[0]) if said else "-"),
            hint=_("From the authority's network http://{name}/.well-known/acme-challenge/ must lead to this node, "
                   "port 80.", name=challenge.name),
        )  # fmt: skip

    @_foreign
    def certificate(self, order_url: str, request_der: bytes) -> bytes:
        """Ends a proven order with a PKCS#10 request; the chain in PEM."""
        ready = self._wait(order_url, lambda value: value.get("status") != "pending")
        if ready.get("status") == "ready":
            self._post(str(ready["finalize"]), {"csr": _base64(request_der)})
        done = self._wait(order_url, lambda value: value.get("status") not in ("ready", "processing"))
        if done.get("status") != "valid" or "certificate" not in done:
            raise CertificateError(
                _("The authority issued no certificate: {said}", said=_said(done.get("error") or done))
            )
        return self._post(str(done["certificate"]), None, accept="application/pem-certificate-chain").body

    def _wait(self, url: str, is_over: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        value = self._get(url)
        while not is_over(value):
            if time.monotonic() > self._until:
                raise CertificateError(
                    _("The authority did not decide within {seconds:.0f} s.", seconds=self.seconds),
                    hint=_("Try again later."),
                )
            time.sleep(_PAUSE_SECONDS)
            value = self._get(url)
        return value

    def _get(self, url: str) -> dict[str, Any]:
        """POST-as-GET (RFC 8555 6.3)."""
        return self._post(url, None).json()

    def _post(self, url: str, payload: Mapping[str, Any] | None, accept: str = "application/json") -> _Answer:
        for _attempt in range(_NONCE_ATTEMPTS):
            protected: dict[str, Any] = {"alg": "ES256", "nonce": self._nonce(), "url": url}
            protected |= {"kid": self.account_url} if self.account_url else {"jwk": self._public()}
            body = json.dumps(self._signed(protected, payload)).encode()
            headers = {"Content-Type": "application/jose+json", "Accept": accept}
            answer = self._ask(urllib.request.Request(url, body, headers, method="POST"))  # noqa: S310 - see _ask
            if answer.status < 400:
                return answer
            problem = _problem(answer)
            if problem.get("type") != _BAD_NONCE:
                break
        raise CertificateError(
            _("The authority refused: {said}", said=_said(problem) if problem else f"HTTP {answer.status}")
        )

    def _nonce(self) -> str:
        if not self._nonces:
            url = self._resource("newNonce")
            self._ask(urllib.request.Request(url, method="HEAD"))  # noqa: S310 - see _ask
        if not self._nonces:
            raise _not_acme()
        return self._nonces.pop()

    def _ask(self, request: urllib.request.Request) -> _Answer:
        if request.type != "https":
            raise CertificateError(
                _("{url} is not an HTTPS address.", url=request.full_url),
                hint=_("ACME is spoken over HTTPS only (RFC 8555 6.1)."),
            )
        request.add_header("User-Agent", "RuPost")
        try:
            with self._opener.open(request, timeout=_REQUEST_SECONDS) as answer:
                found = _Answer(answer.status, _lower(answer.headers), answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            found = _Answer(error.code, _lower(error.headers), error.read(_MOST_BYTES))
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise self._unreachable(request.full_url, error) from error
        if nonce := found.headers.get("replay-nonce"):
            self._nonces.append(nonce)
        return found

    def _unreachable(self, url: str, error: Exception) -> CertificateError:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return CertificateError(
                _("The authority's own certificate at {url} cannot be trusted: {reason}",
                  url=url, reason=reason.verify_message),
                hint=_("Name the root that it comes from: --ca-path FILE"),
            )  # fmt: skip
        return CertificateError(
            _("The authority at {url} does not answer: {reason}", url=url, reason=reason),
            hint=_("Check the address, and that this node may reach it."),
        )

    def _resources(self) -> dict[str, Any]:
        if not self._directory:
            request = urllib.request.Request(self.directory_url)  # noqa: S310 - see _ask
            answer = self._ask(request)
            if answer.status != http.client.OK:
                raise CertificateError(
                    _("{url} answers with HTTP {status}.", url=self.directory_url, status=answer.status),
                    hint=_("Check --directory-url: it is the address of the authority's ACME directory."),
                )
            self._directory = answer.json()
        return self._directory

    def _resource(self, name: str) -> str:
        url = self._resources().get(name)
        if not isinstance(url, str):
            raise _not_acme()
        return url

    def _signed(self, protected: Mapping[str, Any], payload: Mapping[str, Any] | None) -> dict[str, str]:
        head, body = _encoded(protected), "" if payload is None else _encoded(payload)
        der = self.key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        signature = b"".join(number.to_bytes(_POINT_BYTES, "big") for number in decode_dss_signature(der))
        return {"protected": head, "payload": body, "signature": _base64(signature)}

    def _bound(self, binding: Binding, url: str) -> dict[str, str]:
        head = _encoded({"alg": "HS256", "kid": binding.identifier, "url": url})
        body = _encoded(self._public())
        signature = hmac.new(binding.key, f"{head}.{body}".encode(), hashlib.sha256).digest()
        return {"protected": head, "payload": body, "signature": _base64(signature)}

    def _public(self) -> dict[str, str]:
        """The account's public key as a JWK, its members in the order that RFC 7638 wants."""
        numbers = self.key.public_key().public_numbers()
        x, y = (_base64(number.to_bytes(_POINT_BYTES, "big")) for number in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def _thumbprint(self) -> str:
        return _base64(hashlib.sha256(json.dumps(self._public(), separators=(",", ":")).encode()).digest())


def _kind(name: str) -> str:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "dns"
    return "ip"


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _lower(headers: http.client.HTTPMessage | Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _problem(answer: _Answer) -> dict[str, Any]:
    """RFC 7807; empty when the answer is something else."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _said(problem: Mapping[str, Any]) -> str:
    """The authority's own words, with those about single names."""
    words = [str(problem.get("detail") or problem.get("type") or problem.get("status") or "-")]
    for one in problem.get("subproblems") or []:
        words.append(f"{one.get('identifier', {}).get('value', '')}: {one.get('detail', '')}")
    return "; ".join(words)


def _not_acme() -> CertificateError:
    return CertificateError(
        _("The authority's answer is not ACME's (RFC 8555)."),
        hint=_("Check --directory-url: it is the address of the authority's ACME directory."),
    )
