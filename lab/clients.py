"""Real mail programs against the lab's node, from outside it: swaks, imaplib, caldav, ManageSieve, HTTP.

Each function does one thing as a person's program would and raises ClientError with what the program said. TLS is
verified against the lab's authority throughout.
"""

from __future__ import annotations

import base64
import imaplib
import json
import re
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_TIMEOUT = 40


class ClientError(Exception):
    """A program did not get what it asked for; the text is what it said."""


@dataclass(frozen=True)
class Person:
    address: str
    login: str
    password: str


@dataclass(frozen=True)
class Lab:
    """A lab that is up, as `lab/lab info --json` tells of it."""

    address: str
    mail_host: str
    domain: str
    people: tuple[Person, ...]
    ca: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def person(self, login: str) -> Person:
        return next(person for person in self.people if person.login == login)


def find() -> Lab:
    """Raises ClientError when the lab is not up."""
    done = subprocess.run(
        [ROOT / "lab/lab", "info", "--json"], capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode != 0:
        raise ClientError(done.stderr.strip() or "the lab is not up")
    info: dict[str, Any] = json.loads(done.stdout)
    people = tuple(Person(p["address"], p["login"], p["password"]) for p in info["people"])
    return Lab(info["nodes"]["node1"]["address"], info["mail_host"], info["domain"], people, Path(info["ca"]))


def send_from_outside(lab: Lab, to: str, subject: str, *, sender: str = "friend@elsewhere.example") -> str:
    """A letter on port 25 with STARTTLS, as another organization's server sends it. Returns swaks's transcript."""
    return _swaks(lab, "--port", "25", "--tls", "--from", sender, "--to", to, "--header", f"Subject: {subject}")


def submit(lab: Lab, person: Person, to: str, subject: str, *, sender: str = "", password: str | None = None) -> str:
    """A letter on port 465, the person signed in."""
    return _swaks(
        lab, "--port", "465", "--tls-on-connect", "--auth", "PLAIN", "--auth-user", person.address,
        "--auth-password", person.password if password is None else password, "--from", sender or person.address,
        "--to", to, "--header", f"Subject: {subject}",
    )  # fmt: skip


def wait_for_letter(lab: Lab, person: Person, subject: str, *, folder: str = "INBOX", seconds: float = 20) -> str:
    """The headers of the letter with that subject, read by IMAP on port 993."""
    client = imap(lab, person)
    try:
        deadline = time.monotonic() + seconds
        while True:
            if client.select(folder)[0] == "OK":
                found = client.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
                if found:
                    parts: Any = client.fetch(found[-1].decode(), "(BODY.PEEK[HEADER])")[1][0]
                    return str(parts[1].decode("utf-8", "replace"))
            if time.monotonic() > deadline:
                raise ClientError(f"no letter “{subject}” in {folder} of {person.address} within {seconds:.0f} s")
            time.sleep(0.1)
    finally:
        client.logout()


def imap(lab: Lab, person: Person, *, password: str | None = None) -> imaplib.IMAP4_SSL:
    """An IMAP session on port 993; the certificate must be good for the address that is connected to."""
    secret = person.password if password is None else password
    try:
        client = imaplib.IMAP4_SSL(lab.address, 993, ssl_context=lab.context(), timeout=_TIMEOUT)
        client.authenticate("PLAIN", lambda _challenge: f"\0{person.address}\0{secret}".encode())
    except (imaplib.IMAP4.error, OSError) as error:
        raise ClientError(str(error)) from error
    return client


class Sieve:
    """ManageSieve on port 4190, with STARTTLS or with TLS from the first byte."""

    def __init__(self, lab: Lab, person: Person, *, implicit: bool = False) -> None:
        self._socket: socket.socket = socket.create_connection((lab.address, 4190), _TIMEOUT)
        self._rest = b""
        if implicit:
            self._socket = lab.context().wrap_socket(self._socket, server_hostname=lab.address)
        self.greeting = self._answer()
        if not implicit:
            self.say("STARTTLS")
            self._socket = lab.context().wrap_socket(self._socket, server_hostname=lab.address)
            self._answer()
        token = base64.b64encode(f"\0{person.address}\0{person.password}".encode()).decode()
        self.say(f'AUTHENTICATE "PLAIN" "{token}"')

    def say(self, command: str) -> str:
        self._socket.sendall(command.encode() + b"\r\n")
        return self._answer()

    def activate(self, name: str, script: str) -> None:
        self.say(f'PUTSCRIPT "{name}" {{{len(script.encode())}+}}\r\n{script}')
        self.say(f'SETACTIVE "{name}"')

    def remove(self, name: str) -> None:
        self.say('SETACTIVE ""')
        self.say(f'DELETESCRIPT "{name}"')
        self.say("LOGOUT")

    def _answer(self) -> str:
        lines = []
        while True:
            while b"\r\n" not in self._rest:
                data = self._socket.recv(4096)
                if not data:
                    raise ClientError("ManageSieve: the server closed the connection")
                self._rest += data
            raw, self._rest = self._rest.split(b"\r\n", 1)
            lines.append(raw.decode("utf-8", "replace"))
            if re.match(r"(NO|BYE)\b", lines[-1]):
                raise ClientError("ManageSieve: " + lines[-1])
            if re.match(r"OK\b", lines[-1]):
                return "\n".join(lines)


def calendar_round_trip(lab: Lab, person: Person, title: str) -> str:
    """An event saved and read back with the caldav library on port 443; returns the event's text."""
    from caldav.davclient import DAVClient

    client: Any = DAVClient(
        url=f"https://{lab.address}/SOGo/dav/{person.address}/",
        username=person.address,
        password=person.password,
        ssl_verify_cert=str(lab.ca),
        timeout=_TIMEOUT,
    )
    with client:
        calendar = client.principal().calendars()[0]
        event = calendar.save_event(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//lab//EN\r\nBEGIN:VEVENT\r\n"
            f"UID:{time.time_ns()}\r\nDTSTAMP:20261124T000000Z\r\nDTSTART:20261125T090000Z\r\n"
            f"DTEND:20261125T100000Z\r\nSUMMARY:{title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        text = str(calendar.event_by_url(event.url).data)
        event.delete()
    return text


def find_in_address_book(lab: Lab, person: Person, text: str, book: str = "demo") -> str:
    """A CardDAV search in the global address book on port 443; returns the answer."""
    query = (
        '<?xml version="1.0" encoding="utf-8"?><c:addressbook-query xmlns:d="DAV:" '
        'xmlns:c="urn:ietf:params:xml:ns:carddav"><d:prop><c:address-data/></d:prop>'
        '<c:filter><c:prop-filter name="fn">'
        f'<c:text-match match-type="contains">{text}</c:text-match></c:prop-filter></c:filter></c:addressbook-query>'
    )
    return http(
        lab, f"/SOGo/dav/{person.address}/Contacts/{book}/", method="REPORT", person=person, body=query,
        headers={"Depth": "1", "Content-Type": "application/xml; charset=utf-8"},
    )  # fmt: skip


def http(
    lab: Lab,
    path: str,
    *,
    method: str = "GET",
    person: Person | None = None,
    body: str = "",
    headers: dict[str, str] | None = None,
    port: int = 443,
    ca: Path | None = None,
) -> str:
    """One HTTPS request; returns the body, raises ClientError for a status that is not a success."""
    sent = dict(headers or {})
    if person is not None:
        token = base64.b64encode(f"{person.address}:{person.password}".encode()).decode()
        sent["Authorization"] = f"Basic {token}"
    url = f"https://{lab.address}:{port}{path}"
    request = urllib.request.Request(url, body.encode() or None, sent, method=method)
    context = ssl.create_default_context(cafile=str(ca or lab.ca))
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as answer:  # noqa: S310
            return str(answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        raise ClientError(f"{method} {path}: {error.code}") from error
    except OSError as error:
        raise ClientError(f"{method} {path}: {error}") from error


def _swaks(lab: Lab, *options: str) -> str:
    command = ["swaks", "--server", lab.address, "--ehlo", "client.example", "--tls-verify",
               "--tls-ca-path", str(lab.ca), *options]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode != 0:
        refusals = [line for line in done.stdout.splitlines() if re.match(r"<\*\*|<~\* |\*\*\*", line)]
        raise ClientError("swaks: " + ("; ".join(refusals) or done.stderr.strip() or done.stdout[-300:]))
    return done.stdout
