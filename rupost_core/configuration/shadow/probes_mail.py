"""SMTP, IMAP and ManageSieve as clients see them, and as SOGo does."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path

from rupost_core.configuration.shadow.probes import FOREIGN_RECIPIENT, FOREIGN_SENDER, World
from rupost_core.configuration.shadow.talk import Late, Talk, Unexpected
from rupost_core.i18n import translate as _

_EHLO = "EHLO shadow.example.org"
_WRONG = "rupost-shadow-wrong-password"
_DELIVERY_PAUSE_SECONDS = 0.02
_LOG_PAUSE_SECONDS = 0.03
_NOT_FOUND = ("unknown user", "no such user", "User not found", "unknown users")


def smtp(world: World) -> None:
    """Port 25 offers TLS, with the right certificate, and goes on after it."""
    with world.connect(25) as talk:
        talk.expect(talk.reply(), "220")
        talk.expect(talk.command(_EHLO), "250")
        talk.expect(talk.command("STARTTLS"), "220")
        talk.start_tls()
        world.check_certificate(talk)
        talk.expect(talk.command(_EHLO), "250")


def no_relay(world: World) -> None:
    """A stranger's letter to a stranger is refused for good."""
    with world.connect(25) as talk:
        answer = _recipient(talk, FOREIGN_SENDER, FOREIGN_RECIPIENT)
        _must_be_refused(answer)


def unknown_recipient(world: World) -> None:
    """A letter to an address of ours that nobody has is refused for good."""
    if world.plan.domain:
        with world.bringing() as talk:
            answer = _recipient(talk, "", world.nobody("unknown"))
            if answer.startswith("2"):
                raise Unexpected(
                    _("letters to addresses that nobody has are taken: {answer}", answer=answer), clear=True
                )
            talk.expect(answer, "550")


def delivery(world: World) -> None:
    """A letter to a real mailbox is taken and lies in its (empty, covered) maildir."""
    if not world.plan.people:
        return
    person = world.plan.people[0]
    with world.bringing() as talk:
        talk.expect(_recipient(talk, "", person.address), "250")
        talk.expect(talk.command("DATA"), "354")
        talk.expect(
            talk.command(
                f"From: {FOREIGN_SENDER}\r\nTo: <{person.address}>\r\nSubject: {world.token}\r\n\r\nshadow\r\n."
            ),
            "250",
        )
    if world.plan.expected.content_filter:
        return  # it waits in the shadow's queue, and vanishes with it
    store = Path(person.home)
    while not any(world.token in _head(path) for path in store.glob("**/new/*")):
        said = _undelivered(world)
        if said:
            raise Unexpected(_("the letter was taken, but not delivered: {said}", said=said))
        if time.monotonic() > world.plan.deadline:
            raise Late
        time.sleep(_DELIVERY_PAUSE_SECONDS)


def submission(world: World) -> None:
    """Port 465 takes no letter without signing in."""
    with world.connect(465, tls=True) as talk:
        world.check_certificate(talk)
        answer = _recipient(talk, FOREIGN_SENDER, FOREIGN_RECIPIENT)
        _must_be_refused(answer)


def submission_sign_in(world: World) -> None:
    """A wrong name is refused on 465 as wrong, not as a failure of ours."""
    name = world.nobody("submission")
    with world.connect(465, tls=True) as talk:
        talk.expect(talk.reply(), "220")
        talk.expect(talk.command(_EHLO), "250")
        plain = base64.b64encode(f"\0{name}\0{_WRONG}".encode()).decode()
        talk.send(f"AUTH PLAIN {plain}\r\n")
        _judge(world, talk, name, lambda answer: answer.startswith("535"))


def imap_sign_in(world: World) -> None:
    """The same on 993."""
    name = world.nobody("imap")
    with world.connect(993, tls=True) as talk:
        talk.expect(talk.line(), "* OK")
        talk.send(f'a LOGIN "{name}" "{_WRONG}"\r\n')
        _judge(world, talk, name, lambda answer: "[AUTHENTICATIONFAILED]" in answer)


def imap(world: World) -> None:
    with world.connect(993, tls=True) as talk:
        world.check_certificate(talk)
        talk.expect(talk.line(), "* OK")
        talk.send("a CAPABILITY\r\n")
        talk.expect(talk.line(), "* CAPABILITY")


def sieve_starttls(world: World) -> None:
    with world.connect(4190) as talk:
        _sieve_greeting(talk)
        talk.send("STARTTLS\r\n")
        talk.expect(talk.line(), "OK")
        talk.start_tls()
        world.check_certificate(talk)
        _sieve_greeting(talk)


def sieve_tls(world: World) -> None:
    with world.connect(4190, tls=True) as talk:
        world.check_certificate(talk)
        _sieve_greeting(talk)


def health(world: World) -> None:
    with world.connect(20025) as talk:
        talk.expect(talk.reply(), "220")
        talk.expect(talk.command("EHLO health.example.org"), "250")


def sogo_backends(world: World) -> None:
    """What SOGo speaks to on this node: letters taken from the node itself, IMAP and ManageSieve greetings."""
    expected = world.plan.expected
    if expected.submission[0]:
        with world.inner(expected.submission) as talk:
            recipient = world.plan.people[0].address if world.plan.people else FOREIGN_RECIPIENT
            answer = _recipient(talk, "", recipient)
            # Without a mailbox only a stranger's address is left to ask about, whose domain nobody can look up here.
            talk.expect(answer, "250", *(() if world.plan.people else ("4", "5")))
    if expected.imap[0]:
        with world.inner(expected.imap) as talk:
            talk.expect(talk.line(), "* OK")
    if expected.sieve[0]:
        with world.inner(expected.sieve) as talk:
            _sieve_greeting(talk)


def _recipient(talk: Talk, sender: str, recipient: str) -> str:
    """The answer to the recipient. An earlier refusal is that answer too."""
    talk.expect(talk.reply(), "220")
    talk.expect(talk.command(_EHLO), "250")
    answer = talk.command(f"MAIL FROM:<{sender}>")
    return talk.command(f"RCPT TO:<{recipient}>") if answer.startswith("250") else answer


def _sieve_greeting(talk: Talk) -> None:
    implementation = False
    while True:
        line = talk.line()
        implementation |= line.startswith('"IMPLEMENTATION"')
        if line.startswith("OK"):
            if not implementation:
                raise Unexpected("greets without IMPLEMENTATION")
            return
        if not line.startswith('"'):
            raise Unexpected(f"answered {line[:200]!r}")


def _judge(world: World, talk: Talk, name: str, refused: Callable[[str], bool]) -> None:
    """Waits for the refusal, which Dovecot holds back for two seconds; its log tells sooner what it will be.

    When every password database says that it does not know the name, all of them were really asked.
    """
    while True:
        if talk.waiting(_LOG_PAUSE_SECONDS):
            answer = talk.line()
            if refused(answer):
                return
            raise Unexpected(f"answered {answer[:200]!r}")
        unknown = 0
        for line in world.log.syslog():
            if line.component == "dovecot" and "auth" in line.text:
                if name in line.text and any(phrase in line.text for phrase in _NOT_FOUND):
                    unknown += 1
                elif line.severity in range(4):
                    raise Unexpected(line.text)
        if unknown and unknown >= world.plan.expected.passdbs:
            return
        if time.monotonic() > world.plan.deadline:
            raise Late


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:  # moved on meanwhile
        return ""


def _undelivered(world: World) -> str:
    """What Postfix says about the letter that it could not deliver."""
    for line in world.log.syslog():
        if line.component == "postfix" and f"to=<{world.plan.people[0].address}>" in line.text:
            _before, status, after = line.text.partition("status=")
            if status and not after.startswith("sent"):
                return after
    return ""


def _must_be_refused(answer: str) -> None:
    """A temporary refusal is no refusal: the stranger would be let in another time."""
    if not answer.startswith("5"):
        raise Unexpected(
            _("an open relay: a stranger's letter to a stranger is not refused for good, but answered {answer}",
              answer=answer), clear=True)  # fmt: skip
