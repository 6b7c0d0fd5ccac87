"""Makes a mail server of a bare node, by the same commands that an administrator types."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab import ldif, node
from lab.directory import URL
from lab.errors import LabError, Misuse
from lab.layout import DOMAIN, MAIL_HOST, Place, repository
from lab.people import Person
from lab.progress import step

_DATABASES = ("rupost", "rupost_data", "rupost_logs")
_DATABASE_ROLE = "rupost"
_DATABASE_PASSWORD = "db pa$s'w\"rd%1"
_FOLDER = "/etc/rupost-lab"
_BIND_PASSWORD_FILE = f"{_FOLDER}/bind-password"


def find_deb() -> Path:
    """The newest package of this checkout, for when none was named."""
    found = [
        path for folder in ("", "dist", "build", "packaging") for path in (repository() / folder).glob("rupost_*.deb")
    ]
    if not found:
        raise Misuse("no rupost_*.deb in this checkout: run `make deb`, or give --deb PATH, or --bare")
    return max(found, key=lambda path: path.stat().st_mtime)


def set_up(place: Place, deb: Path, *, directory: Place, people: Iterable[Person]) -> None:
    """Install the product from DEB and take it as far as open mailboxes; stops at the first failing step."""

    def do(title: str, *argv: str, text: str | None = None, env: Mapping[str, str] | None = None) -> None:
        with step(f"{place.name}: {title}"):
            node.execute(place, argv, timeout=300, text=text, env=env)

    name = f"{_FOLDER}/{deb.name}"
    with step(f"{place.name}: copying {deb.name}"):
        node.put(place, deb, name)
        node.execute(place, ["install", "-m", "600", "/dev/stdin", _BIND_PASSWORD_FILE], text=ldif.SERVICE_PASSWORD)
    do("install the package", "dpkg", "-i", name, env={"DEBIAN_FRONTEND": "noninteractive"})
    do("start PostgreSQL", "systemctl", "start", "postgresql")
    do("first-boot wizard", *_wizard(), env={"RUPOST_INSTALLER_DB_PASSWORD": _DATABASE_PASSWORD})
    for title, argv in _commands(directory, people):
        do(title, *argv)


def _wizard() -> Sequence[str]:
    main, data, logs = _DATABASES
    return (
        "rupost-wizard", "--silent", "--db-host", "127.0.0.1", "--db-port", "5432",
        "--db-name", main, "--data-db-name", data, "--logs-db-name", logs, "--db-user", _DATABASE_ROLE,
    )  # fmt: skip


def _commands(directory: Place, people: Iterable[Person]) -> Iterable[tuple[str, Sequence[str]]]:
    """Everything that comes after the wizard, in order: (title, command)."""
    if directory.host not in URL:
        raise LabError(f"the set-up knows no directory {directory.name}")
    yield f"directory {directory.name}", (
        "rupost", "directory", "add", "demo", "--kind", "freeipa", "--url", URL, "--base", ldif.USERS,
        "--bind-dn", ldif.SERVICE_DN, "--bind-password-file", _BIND_PASSWORD_FILE,
        "--ca", f"{_FOLDER}/ca.pem",
    )  # fmt: skip
    yield f"domain {DOMAIN}", ("rupost", "domain", "add", DOMAIN)
    for name, kind, stem in (("mail_cert", "mail", "mail"), ("control_panel_cert", "control_panel", "panel")):
        yield f"certificate {name}", (
            "rupost", "cert", "add", name, "--login", "root", "--cert-type", kind,
            "--cert-path", f"{_FOLDER}/{stem}.pem", "--key-path", f"{_FOLDER}/{stem}.key",
            "--ca-path", f"{_FOLDER}/ca.pem",
        )  # fmt: skip
    yield "restart of the panel", ("systemctl", "restart", "rupost")
    yield "first configuration", (
        "rupost", "config", "deploy", "--template", "standalone",
        "--set", f"mail_host={MAIL_HOST}", "--reason", "lab",
    )  # fmt: skip
    for person in people:
        yield f"mailbox {person.login}", (
            "rupost", "mailbox", "create", person.login, "--directory", "demo", "--domain", DOMAIN,
        )  # fmt: skip
