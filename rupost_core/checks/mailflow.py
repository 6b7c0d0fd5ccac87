"""`rupost check mailflow`: what a person's programs do, done on this node over its public ports, and timed.

A letter comes in on 25 and another is sent on 465; both must lie in the mailbox by LMTP and be read on 993; a Sieve
script goes to 4190; an event and an address book search go over 443. All that was made is removed again.
"""

from __future__ import annotations

import smtplib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from rupost_core.access.desk import OfficeDesk
from rupost_core.certificates import store as certificates
from rupost_core.checks.clients import HTTPS, IMAPS, SMTP, SMTPS, Endpoint, ManageSieve, trust_only
from rupost_core.configuration import store as configuration
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.database.reader import cursor_of
from rupost_core.errors import InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.mail import reading as mail
from rupost_core.mail.model import Mailbox
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.secret import Secret

_DELIVERY_SECONDS = 30.0
_HEADER = "X-RuPost-Check"


@dataclass(frozen=True)
class FlowStep:
    """One thing done as a client does it. `error` is empty when it worked; `seconds` is its own wall time."""

    key: str
    title: str
    port: int
    ok: bool
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class _Person:
    endpoint: Endpoint
    mailbox: Mailbox
    password: Secret
    token: str


class MailflowService(Service):
    desk: OfficeDesk

    def run(self, address: str, password: Secret, report: Callable[[FlowStep], None]) -> list[FlowStep]:
        """Does every step for the mailbox and reports each as it ends; a failed one does not stop the others."""
        mailbox, host, chain = self._prepare(address)
        endpoint = Endpoint(self.desk.settings.node_address, host, trust_only(chain))
        person = _Person(endpoint, mailbox, password, uuid.uuid4().hex)
        steps = []
        for key, title, port, action in _STEPS:
            step = _timed(key, _(title), port, lambda action=action: action(person))  # type: ignore[misc]
            steps.append(step)
            report(step)
        return steps

    @operation("check.mailflow", Role.OPERATOR, reads=True)
    def _prepare(self, work: Work, address: str) -> tuple[Mailbox, str, str]:
        """Finds the mailbox, the system's name and the certificate that must be served."""
        mailbox = mail.by_address(cursor_of(work.connection), address)
        if mailbox is None:
            raise NotFound(_("There is no mailbox {address}.", address=address), hint=_("See rupost mailbox list."))
        number = LiveConfiguration().current()
        if not number:
            raise InputError(_("No configuration is live on this node."), hint=_("Deploy one: rupost config deploy"))
        parameters = configuration.generation_parameters(work.connection, self.desk.keyring, number)
        pair = certificates.in_use(work.connection, self.desk.keyring, "mail")
        assert pair is not None  # noqa: S101 - a deployed generation needed it
        return mailbox, str(parameters["mail_host"]), pair.certificate.chain_pem


def _timed(key: str, title: str, port: int, action: Callable[[], None]) -> FlowStep:
    started = time.monotonic()
    try:
        action()
    except (OSError, smtplib.SMTPException, IMAPS.error, ValueError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return FlowStep(key, title, port, False, time.monotonic() - started, text[:300])
    return FlowStep(key, title, port, True, time.monotonic() - started)


def _incoming(person: _Person) -> None:
    with SMTP(person.endpoint) as client:
        client.ehlo()
        client.secure()
        client.sendmail("", [person.mailbox.address], _letter(person, "in", "<>"))


def _relay_refused(person: _Person) -> None:
    with SMTP(person.endpoint) as client:
        client.ehlo()
        client.secure()
        client.mail("")
        code, text = client.rcpt("nobody@elsewhere.invalid")
        if code < 500:
            raise ValueError(
                _("mail to a foreign domain was answered with {code} {text}", code=code, text=text.decode())
            )


def _submission(person: _Person) -> None:
    address = person.mailbox.address
    with SMTPS(person.endpoint) as client:
        client.ehlo()
        client.sign_in(address, person.password.reveal())
        client.sendmail(address, [address], _letter(person, "out", address))


def _delivery(person: _Person) -> None:
    """Waits until both letters lie in the mailbox, reads one, and removes them."""
    client = IMAPS(person.endpoint)
    try:
        client.sign_in(person.mailbox.address, person.password.reveal())
        client.select("INBOX")
        deadline = time.monotonic() + _DELIVERY_SECONDS
        while len(found := _search(client, person.token)) < 2:
            if time.monotonic() > deadline:
                raise ValueError(
                    _("{count} of 2 letters arrived within {seconds:.0f} s",
                      count=len(found), seconds=_DELIVERY_SECONDS)
                )  # fmt: skip
            time.sleep(0.1)
            client.noop()
        for number in found:
            client.store(number, "+FLAGS", r"(\Deleted)")
        client.expunge()
    finally:
        client.logout()


def _imap(person: _Person) -> None:
    client = IMAPS(person.endpoint)
    try:
        client.sign_in(person.mailbox.address, person.password.reveal())
        status, _data = client.select("INBOX", readonly=True)
        if status != "OK":
            raise ValueError(_("INBOX cannot be opened"))
    finally:
        client.logout()


def _sieve(person: _Person) -> None:
    client = ManageSieve(person.endpoint)
    try:
        name = f"rupost-check-{person.token}"
        client.login(person.mailbox.address, person.password.reveal())
        client.put_script(name, 'require ["fileinto"];\r\nkeep;\r\n')
        if name not in client.command("LISTSCRIPTS"):
            raise ValueError(_("the script that was stored is not listed"))
        client.command(f'DELETESCRIPT "{name}"')
        client.command("LOGOUT")
    finally:
        client.close()


def _calendar(person: _Person) -> None:
    client = _https(person)
    path = f"/SOGo/dav/{person.mailbox.address}/Calendar/personal/{person.token}.ics"
    event = "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//RuPost//check//EN", "BEGIN:VEVENT", f"UID:{person.token}",
         "DTSTAMP:20200101T000000Z", "DTSTART:20200101T090000Z", "DTEND:20200101T100000Z", "SUMMARY:RuPost",
         "END:VEVENT", "END:VCALENDAR", ""]
    )  # fmt: skip
    try:
        _expect(client.ask("PUT", path, event, Content_Type="text/calendar; charset=utf-8"), 201, "")
        _expect(client.ask("GET", path), 200, person.token)
        _expect(client.ask("DELETE", path), 204, "")
    finally:
        client.close()


def _address_book(person: _Person) -> None:
    """The person must find himself in the global address book by his name."""
    client = _https(person)
    name = person.mailbox.display_name.split()[0]
    query = (
        '<?xml version="1.0" encoding="utf-8"?><c:addressbook-query xmlns:d="DAV:" '
        'xmlns:c="urn:ietf:params:xml:ns:carddav"><d:prop><d:getetag/><c:address-data/></d:prop><c:filter>'
        '<c:prop-filter name="fn"><c:text-match collation="i;unicasemap" match-type="contains">'
        f"{_xml(name)}</c:text-match></c:prop-filter></c:filter></c:addressbook-query>"
    )
    path = f"/SOGo/dav/{person.mailbox.address}/Contacts/{person.mailbox.directory}/"
    try:
        answer = client.ask("REPORT", path, query, Depth="1", Content_Type="application/xml; charset=utf-8")
        _expect(answer, 207, person.mailbox.address)
    finally:
        client.close()


def _autoconfiguration(person: _Person) -> None:
    client = _https(person)
    try:
        address = person.mailbox.address
        answer = client.ask("GET", f"/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={address}")
        _expect(answer, 200, person.endpoint.name)
        answer = client.ask("POST", "/Autodiscover/Autodiscover.xml", "<Autodiscover/>", Content_Type="text/xml")
        _expect(answer, 200, person.endpoint.name)
    finally:
        client.close()


def _https(person: _Person) -> HTTPS:
    return HTTPS(person.endpoint, person.mailbox.address, person.password.reveal())


def _expect(answer: tuple[int, str], status: int, text: str) -> None:
    got, body = answer
    if got != status:
        raise ValueError(_("answered {got}, not {status}", got=got, status=status))
    if text not in body:
        raise ValueError(_("“{text}” is not in the answer", text=text))


def _letter(person: _Person, direction: str, sender: str) -> str:
    return "\r\n".join(
        [f"From: {sender if '@' in sender else 'rupost-check@' + person.endpoint.name}",
         f"To: {person.mailbox.address}", f"Subject: RuPost check {direction}",
         f"{_HEADER}: {person.token}", f"Message-ID: <{direction}.{person.token}@{person.endpoint.name}>",
         "Date: " + time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()),
         "", "This letter was sent by rupost check mailflow and removes itself.", ""]
    )  # fmt: skip


def _search(client: IMAPS, token: str) -> list[str]:
    _status, data = client.search(None, "HEADER", _HEADER, token)
    return (data[0] or b"").decode().split()


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _mark(text: str) -> str:
    """Marks a title for the translation catalogue; it is translated when a check runs."""
    return text


_STEPS: tuple[tuple[str, str, int, Callable[[_Person], None]], ...] = (
    ("smtp", _mark("A letter from outside, STARTTLS"), 25, _incoming),
    ("relay", _mark("A stranger's letter to a stranger is refused"), 25, _relay_refused),
    ("submission", _mark("A letter from the person, signed in"), 465, _submission),
    ("delivery", _mark("Both letters delivered by LMTP and found"), 993, _delivery),
    ("imap", _mark("The mailbox opened"), 993, _imap),
    ("sieve", _mark("A filter stored, listed, removed"), 4190, _sieve),
    ("calendar", _mark("An event put, read, removed (CalDAV)"), 443, _calendar),
    ("address_book", _mark("The person found in the address book (CardDAV)"), 443, _address_book),
    ("autoconfiguration", _mark("Client settings found by themselves"), 443, _autoconfiguration),
)
