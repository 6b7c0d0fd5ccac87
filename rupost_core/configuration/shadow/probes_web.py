"""HTTP and HTTPS as a browser and mail programs see them; SOGo behind it."""

from __future__ import annotations

import html
import json
import time

from rupost_core.configuration.shadow.explain import unstamped
from rupost_core.configuration.shadow.probes import World
from rupost_core.configuration.shadow.talk import Unexpected
from rupost_core.i18n import translate as _

_WRONG = "rupost-shadow-wrong-password"
_LOG_PAUSE_SECONDS = 0.05
# What SOGo logs when it cannot ask the directory; to the person it says the same as for a wrong password.
_DIRECTORY_TROUBLE = ("Could not bind", "LDAPException", "Invalid credentials", "Can't contact",
                      "operation bind failed", "operation search failed")  # fmt: skip


def http(world: World) -> None:
    """Plain HTTP sends everybody to HTTPS."""
    _ask(world, 80, "GET", "/", expected="301")


def health(world: World) -> None:
    _ask(world, 443, "GET", "/rupost-health", expected="200", certificate=True)


def autoconfiguration(world: World) -> None:
    if world.plan.expected.autoconfiguration:
        _head, body = _ask(world, 443, "GET", "/.well-known/autoconfig/mail/config-v1.1.xml", expected="200")
        if "<clientConfig" not in body:
            raise Unexpected("holds no <clientConfig>")


def autodiscover(world: World) -> None:
    if world.plan.expected.autodiscover:
        _head, body = _ask(world, 443, "POST", "/autodiscover/autodiscover.xml", expected="200", content="<a/>")
        if "<Autodiscover" not in body:
            raise Unexpected("holds no <Autodiscover>")


def sogo_page(world: World) -> None:
    """The sign-in page, with the title that sogo.conf gives: SOGo starts without a word on a file it cannot read."""
    _head, body = _ask(world, 443, "GET", "/SOGo/", expected="200")
    title = world.plan.expected.page_title
    if title and title not in html.unescape(body):
        raise Unexpected(_("the page does not hold the title {title}", title=title), clear=True)


def sogo_sign_in(world: World) -> None:
    """A wrong name is refused; and SOGo did ask the directory."""
    content = json.dumps({"userName": world.nobody("sogo"), "password": _WRONG})
    _ask(world, 443, "POST", "/SOGo/connect", expected="403", content=content, kind="application/json")
    time.sleep(_LOG_PAUSE_SECONDS)
    for line in world.log.lines():
        if line.component == "sogo" and any(word in line.text for word in _DIRECTORY_TROUBLE):
            raise Unexpected(unstamped(line.text))


def _ask(world: World, port: int, method: str, path: str, *, expected: str, content: str = "",
         kind: str = "text/xml", certificate: bool = False) -> tuple[str, str]:  # fmt: skip
    """(head, body) of the answer, whose status must be `expected`."""
    with world.connect(port, tls=port == 443) as talk:
        if certificate:
            world.check_certificate(talk)
        talk.send(
            f"{method} {path} HTTP/1.0\r\nHost: {world.plan.node_name}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(content.encode())}\r\n\r\n{content}"
        )
        head, _separator, body = talk.everything().partition("\r\n\r\n")
    status = head.partition("\r\n")[0]
    if f" {expected} " not in f"{status} ":
        raise Unexpected(f"{path}: answered {status[:100]!r}" if status else f"{path}: closed the connection")
    return head, body
