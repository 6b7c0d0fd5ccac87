"""`make demo`: a mail node from nothing, and the proof that real programs work with it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab import clients

_LEFT = "│"


@dataclass(frozen=True)
class Proof:
    """What was done, with which program, and how it ended."""

    what: str
    program: str
    ok: bool
    seconds: float
    said: str


def main() -> int:
    started = time.monotonic()
    _run("Building the lab and setting the node up", "lab/lab", "up", "single", "--fresh")
    lab = clients.find()
    proofs = [_prove(what, program, action) for what, program, action in _proofs(lab)]
    _say("\nThe node's own check of the way of mail (rupost check mailflow):\n")
    own_check = _own_check(lab)
    _table(proofs)
    ok = all(proof.ok for proof in proofs) and own_check
    _say(f"\n{'Everything works' if ok else 'SOMETHING FAILED'}, after {time.monotonic() - started:.0f} s.")
    if ok:
        _how_to_open(lab)
    return 0 if ok else 1


def _proofs(lab: clients.Lab) -> list[tuple[str, str, Callable[[], str]]]:
    ivanov, petrova = lab.person("ivanov"), lab.person("petrova")
    stamp = f"demo {time.time_ns()}"

    def outside() -> str:
        clients.send_from_outside(lab, ivanov.address, f"{stamp} outside")
        return "accepted with STARTTLS"

    def signed_in() -> str:
        clients.submit(lab, petrova, ivanov.address, f"{stamp} signed in")
        return f"accepted from {petrova.address}"

    def read() -> str:
        clients.wait_for_letter(lab, ivanov, f"{stamp} outside")
        clients.wait_for_letter(lab, ivanov, f"{stamp} signed in")
        return "both letters lie in the mailbox"

    def refused() -> str:
        return _must_fail(lambda: clients.send_from_outside(lab, "nobody@elsewhere.example", stamp), "554")

    def forged() -> str:
        return _must_fail(lambda: clients.submit(lab, petrova, ivanov.address, stamp, sender=ivanov.address), "553")

    def filtered() -> str:
        sieve = clients.Sieve(lab, ivanov)
        sieve.activate(
            "demo", 'require ["fileinto","mailbox"];\r\nif header :contains "subject" "demo sieve" '
            '{ fileinto :create "Filtered"; }\r\n',
        )  # fmt: skip
        clients.send_from_outside(lab, ivanov.address, f"demo sieve {stamp}")
        clients.wait_for_letter(lab, ivanov, f"demo sieve {stamp}", folder="Filtered")
        sieve.remove("demo")
        return "the letter was filed by the script"

    def calendar() -> str:
        title = f"Совещание {stamp}"
        if title not in clients.calendar_round_trip(lab, petrova, title):
            raise clients.ClientError("the event came back changed")
        return "the event came back as it was saved"

    def address_book() -> str:
        if petrova.address not in clients.find_in_address_book(lab, ivanov, "Петр"):
            raise clients.ClientError("the person was not found")
        return "Петрова was found by “Петр”"

    def autoconfig() -> str:
        answer = clients.http(lab, f"/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={ivanov.address}")
        if lab.mail_host not in answer:
            raise clients.ClientError("the host is not in the answer")
        return f"programs are sent to {lab.mail_host}"

    def panel() -> str:
        return clients.http(lab, "/health", port=5000).strip()

    return [
        ("A letter from outside on 25", "swaks", outside),
        ("A letter to a stranger is refused", "swaks", refused),
        ("A letter from a signed-in person on 465", "swaks", signed_in),
        ("A letter in another person's name is refused", "swaks", forged),
        ("Both letters read on 993", "imaplib", read),
        ("A Sieve script on 4190 files a letter", "ManageSieve", filtered),
        ("An event saved and read on 443", "python caldav", calendar),
        ("The global address book on 443", "CardDAV", address_book),
        ("Client settings by autoconfig", "HTTP", autoconfig),
        ("The panel's health on 5000", "HTTP", panel),
    ]


def _must_fail(action: Callable[[], str], code: str) -> str:
    try:
        action()
    except clients.ClientError as error:
        if code in str(error):
            return f"refused with {code}"
        raise
    raise clients.ClientError(f"it was accepted instead of refused with {code}")


def _prove(what: str, program: str, action: Callable[[], str]) -> Proof:
    started = time.monotonic()
    try:
        said, ok = action(), True
    except (clients.ClientError, OSError, ValueError) as error:
        said, ok = str(error), False
    return Proof(what, program, ok, time.monotonic() - started, said)


def _own_check(lab: clients.Lab) -> bool:
    person = lab.person("sidorov")
    command = ["lab/lab", "sh", "node1", "env", f"RUPOST_CHECK_PASSWORD={person.password}",
               "rupost", "check", "mailflow", "--address", person.address]  # fmt: skip
    return subprocess.run(command, timeout=120, check=False).returncode == 0


def _table(proofs: list[Proof]) -> None:
    width = max(len(proof.what) for proof in proofs)
    _say("\nWhat real programs did from outside the node:\n")
    for proof in proofs:
        mark = "✓" if proof.ok else "✗"
        _say(f" {mark} {proof.what:<{width}}  {proof.program:<13} {proof.seconds:5.2f} s  {_LEFT} {proof.said}")


def _how_to_open(lab: clients.Lab) -> None:
    person = lab.person("ivanov")
    _say(f"""
It goes on running. On this machine:
   web client   https://{lab.address}/SOGo/     {person.address} / {person.password}
   panel        https://{lab.address}:5000/
   authority    {lab.ca}
   a shell      lab/lab sh node1 bash           then: rupost --help, rupost config history
   take down    lab/lab down""")


def _run(title: str, *command: str) -> None:
    _say(title)
    if subprocess.run(command, timeout=900, check=False).returncode != 0:
        sys.exit(1)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
