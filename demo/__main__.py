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
    scene = Scene(lab, f"demo {time.time_ns()}")
    proofs = [_prove(what, program, lambda: action(scene)) for what, program, action in _PROOFS]  # noqa: B023
    _say("\nThe node's own check of the way of mail (rupost check mailflow):\n")
    own_check = _own_check(lab)
    _table(proofs)
    ok = all(proof.ok for proof in proofs) and own_check
    _say(f"\n{'Everything works' if ok else 'SOMETHING FAILED'}, after {time.monotonic() - started:.0f} s.")
    if ok:
        _how_to_open(lab)
    return 0 if ok else 1


@dataclass(frozen=True)
class Scene:
    """The lab, two of its people, and a mark that tells this run's letters apart."""

    lab: clients.Lab
    stamp: str

    @property
    def ivanov(self) -> clients.Person:
        return self.lab.person("ivanov")

    @property
    def petrova(self) -> clients.Person:
        return self.lab.person("petrova")


def _outside(scene: Scene) -> str:
    clients.send_from_outside(scene.lab, scene.ivanov.address, f"{scene.stamp} outside")
    return "accepted with STARTTLS"


def _refused(scene: Scene) -> str:
    return _must_fail(lambda: clients.send_from_outside(scene.lab, "nobody@elsewhere.example", scene.stamp), "554")


def _signed_in(scene: Scene) -> str:
    clients.submit(scene.lab, scene.petrova, scene.ivanov.address, f"{scene.stamp} signed in")
    return f"accepted from {scene.petrova.address}"


def _forged(scene: Scene) -> str:
    address = scene.ivanov.address
    return _must_fail(lambda: clients.submit(scene.lab, scene.petrova, address, scene.stamp, sender=address), "553")


def _read(scene: Scene) -> str:
    for letter in ("outside", "signed in"):
        clients.wait_for_letter(scene.lab, scene.ivanov, f"{scene.stamp} {letter}")
    return "both letters lie in the mailbox"


def _filtered(scene: Scene) -> str:
    subject = f"demo sieve {scene.stamp}"
    script = (
        'require ["fileinto","mailbox"];\r\n'
        'if header :contains "subject" "demo sieve" { fileinto :create "Filtered"; }\r\n'
    )
    sieve = clients.Sieve(scene.lab, scene.ivanov)
    sieve.activate("demo", script)
    clients.send_from_outside(scene.lab, scene.ivanov.address, subject)
    clients.wait_for_letter(scene.lab, scene.ivanov, subject, folder="Filtered")
    sieve.remove("demo")
    return "the letter was filed by the script"


def _calendar(scene: Scene) -> str:
    title = f"Совещание {scene.stamp}"
    if title not in clients.calendar_round_trip(scene.lab, scene.petrova, title):
        raise clients.ClientError("the event came back changed")
    return "the event came back as it was saved"


def _address_book(scene: Scene) -> str:
    if scene.petrova.address not in clients.find_in_address_book(scene.lab, scene.ivanov, "Петр"):
        raise clients.ClientError("the person was not found")
    return "Петрова was found by “Петр”"


def _autoconfig(scene: Scene) -> str:
    query = f"emailaddress={scene.ivanov.address}"
    answer = clients.http(scene.lab, f"/.well-known/autoconfig/mail/config-v1.1.xml?{query}")
    if scene.lab.mail_host not in answer:
        raise clients.ClientError("the host is not in the answer")
    return f"programs are sent to {scene.lab.mail_host}"


def _panel(scene: Scene) -> str:
    return clients.http(scene.lab, "/health", port=5000).strip()


_PROOFS: tuple[tuple[str, str, Callable[[Scene], str]], ...] = (
    ("A letter from outside on 25", "swaks", _outside),
    ("A letter to a stranger is refused", "swaks", _refused),
    ("A letter from a signed-in person on 465", "swaks", _signed_in),
    ("A letter in another person's name is refused", "swaks", _forged),
    ("Both letters read on 993", "imaplib", _read),
    ("A Sieve script on 4190 files a letter", "ManageSieve", _filtered),
    ("An event saved and read on 443", "python caldav", _calendar),
    ("The global address book on 443", "CardDAV", _address_book),
    ("Client settings by autoconfig", "HTTP", _autoconfig),
    ("The panel's health on 5000", "HTTP", _panel),
)


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
    command = ["lab/lab", "sh", "node1", "env", "RUPOST_LANGUAGE=en", f"RUPOST_CHECK_PASSWORD={person.password}",
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
