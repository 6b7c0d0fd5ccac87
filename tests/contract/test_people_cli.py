"""The commands on people, each run as its own process."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from rupost_core import settings as node_settings
from rupost_core.settings import Settings
from tests.contract.slapd import AD_SERVICE, ODD_PASSWORD, SERVICE, Slapd

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "typer", "sqlalchemy", "alembic", "ldap3", "yaml", "jinja2", "cryptography", "rich", "fastapi")


class Node:
    """The command line of one node; `run` returns the finished process."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.config = folder / "config.json"
        self.config.write_text(node_settings.dump(settings))
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("RUPOST_")},
            "RUPOST_CONFIG": str(self.config),
            "RUPOST_LANGUAGE": "en",
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rupost_cli", *arguments],
            capture_output=True, text=True, cwd=ROOT, timeout=60, stdin=subprocess.DEVNULL,
            env=self.environment | environment,
        )  # fmt: skip

    def json(self, *arguments: str, code: int = 0) -> dict[str, object] | list[dict[str, object]]:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture
def node(settings: Settings, tmp_path: Path) -> Node:
    return Node(settings, tmp_path)


@pytest.fixture
def add(slapd: Slapd, tmp_path: Path) -> list[str]:
    """`directory add` without the password."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(slapd.ca_pem)
    return ["directory", "add", "ipa", "--kind", "freeipa", "--url", slapd.tls, "--base", "dc=ipa,dc=local",
            "--bind-dn", SERVICE, "--ca", str(ca)]  # fmt: skip


def test_from_nothing_to_a_mailbox(node: Node, add: list[str], tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(ODD_PASSWORD + "\n")
    done = node.run(*add, "--bind-password-file", str(password))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Connected “ipa”" in done.stderr
    assert "Warning" not in done.stderr
    assert node.run("domain", "add", "Company.test").returncode == 0
    done = node.run(
        "mailbox", "create", "petrova", "--directory", "ipa", "--alias", "m.p@company.test", "--quota", "1T"
    )
    assert done.returncode == 0, done.stderr
    assert "Opened “petrova@company.test” for Имя petrova." in done.stderr
    assert "mp@company.test" in done.stderr
    shown = node.run("mailbox", "show", "M.P@company.test").stdout
    for part in ("petrova@company.test", "m.p@company.test", "ipa", "Имя petrova", "1T",
                 "/srv/rupost/MailStorage/company.test/petrova", "yes"):  # fmt: skip
        assert part in shown
    assert "petrova@company.test" in node.run("mailbox", "list").stdout
    assert ODD_PASSWORD.strip() not in done.stdout + done.stderr


def test_json(node: Node, add: list[str], slapd: Slapd) -> None:
    node.environment["RUPOST_DIRECTORY_PASSWORD"] = ODD_PASSWORD
    added = node.json(*add)
    assert isinstance(added, dict)
    assert (added["name"], added["urls"]) == ("ipa", [slapd.tls])
    assert ODD_PASSWORD not in str(added)
    assert node.json("directory", "list") == [added]
    node.json("domain", "add", "почта.рф")
    assert [one["name"] for one in node.json("domain", "list")] == ["xn--80a1acny.xn--p1ai"]  # type: ignore[index]
    assert "почта.рф" in node.run("domain", "list").stdout
    created = node.json("mailbox", "create", "ivanov", "--directory", "ipa")
    assert created == node.json("mailbox", "show", "ivanov@почта.рф")
    assert node.json("mailbox", "list", "--search", "иМЯ", "--domain", "почта.рф") == [created]
    assert node.json("mailbox", "list", "--search", "nobody") == []
    assert isinstance(created, dict)
    assert created["quota_bytes"] == 5 * 2**30


def test_the_journal_has_words_for_people_and_values_for_programs(node: Node) -> None:
    assert node.run("domain", "add", "company.test").returncode == 0
    assert node.run("domain", "add", "company.test").returncode == 2
    table = [" ".join(line.split()[2:]) for line in node.run("journal", "list").stdout.splitlines()[1:]]
    assert table == [
        "root command line domain.add domain:company.test failed: already_exists",
        "root command line domain.add domain:company.test done",
    ]
    rows = node.json("journal", "list", "--limit", "2")
    assert [(row["face"], row["outcome"]) for row in rows] == [("cli", "failed"), ("cli", "done")]  # type: ignore[index]


def test_a_long_list_says_that_there_is_more(node: Node, add: list[str]) -> None:
    node.environment["RUPOST_DIRECTORY_PASSWORD"] = ODD_PASSWORD
    assert node.run(*add).returncode == 0
    assert node.run("domain", "add", "company.test").returncode == 0
    for login in ("ivanov", "test10"):
        assert node.run("mailbox", "create", login, "--directory", "ipa").returncode == 0
    done = node.run("mailbox", "list", "--limit", "1")
    assert len(done.stdout.splitlines()) == 2
    assert "more than 1" in done.stderr
    assert "more than" not in node.run("mailbox", "list", "--limit", "2").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (["--bind-dn", "cn=x"], 22, "directory_credentials"),
        (["--url", "ldaps://localhost:1", "--base", "x"], 2, "input"),
        (["--kind", "active_directory"], 23, "directory_rights"),
        (["--base", "dc=nowhere"], 20, "directory"),
        (["--ca", "/nowhere"], 2, "input"),
    ],
)
def test_exit_codes(node: Node, add: list[str], arguments: list[str], code: int, name: str) -> None:
    node.environment["RUPOST_DIRECTORY_PASSWORD"] = ODD_PASSWORD
    answer = node.json(*add, *arguments, code=code)
    assert isinstance(answer, dict)
    assert answer["error"]["code"] == name  # type: ignore[index]


def test_unreachable(node: Node, add: list[str], slapd: Slapd) -> None:
    node.environment["RUPOST_DIRECTORY_PASSWORD"] = ODD_PASSWORD
    done = node.run(*["ldaps://localhost:1" if word == slapd.tls else word for word in add])
    assert done.returncode == 21
    assert "What to do:" in done.stderr


def test_a_missing_password(node: Node, add: list[str]) -> None:
    done = node.run(*add)
    assert done.returncode == 2
    assert "--bind-password-file" in done.stderr


def test_the_password_is_asked_for_on_a_terminal_and_not_shown(node: Node, add: list[str]) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rupost_cli", *add], cwd=ROOT, env=node.environment, stdin=terminal, stdout=terminal,
        stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    said = b""
    while not said.endswith(b"account: "):  # the last space comes when the echo is off
        said += _heard(controller)
    os.write(controller, ODD_PASSWORD.encode() + b"\n")
    while chunk := _heard(controller):
        said += chunk
    os.close(controller)
    assert process.wait(30) == 0, said.decode()
    assert ODD_PASSWORD.strip() not in said.decode()
    assert "ipa" in node.run("directory", "list").stdout


def _heard(controller: int) -> bytes:
    """What the terminal shows next; nothing when its process has ended."""
    readable, _, _ = select.select([controller], [], [], 30)
    assert readable, "the command waits for something"
    try:
        return os.read(controller, 1000)
    except OSError:
        return b""


def test_open_passwords_are_warned_of(node: Node, add: list[str], slapd: Slapd) -> None:
    """The manual allows LDAP without encryption; on the loopback there is nothing to warn of.

    `127.1` is a name for RuPost and 127.0.0.1 for the system, so it stands for another machine here.
    """
    from rupost_cli import directory

    node.environment["RUPOST_DIRECTORY_PASSWORD"] = ODD_PASSWORD
    done = node.run(*[slapd.plain if word == slapd.tls else word for word in add])
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    elsewhere = slapd.plain.replace("localhost", "127.1")
    done = node.run(*[{slapd.tls: elsewhere, "ipa": "second"}.get(word, word) for word in add])
    assert done.returncode == 0, done.stderr
    assert "Warning: passwords cross the network unencrypted" in done.stderr
    assert directory._encryption(("ldap://dc1:389",), True) == "StartTLS"


def test_active_directory_s_names(node: Node, slapd: Slapd, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(slapd.ca_pem)
    done = node.run(
        "directory", "add", "ad", "--kind", "active_directory", "--url", slapd.plain, "--starttls", "--base",
        "dc=demo,dc=local", "--bind-dn", AD_SERVICE, "--ca", str(ca), RUPOST_DIRECTORY_PASSWORD=ODD_PASSWORD,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "StartTLS" in node.run("directory", "list").stdout


@pytest.mark.parametrize("words", [["mailbox", "list"], ["domain", "list"], ["mailbox", "show", "a@b.ru"]])
def test_listing_starts_light(node: Node, words: list[str]) -> None:
    """On the node, and with nothing to show on a terminal; the command must not fail before it has listed."""
    code = (
        f"import sys, rupost_cli.main as m\nsys.argv = ['rupost', *{words!r}]\ntry: m.main()\nexcept SystemExit: pass"
    )
    assert _loaded(code, HEAVY, node.environment) == "[]"


def test_the_core_lists_without_pydantic(node: Node) -> None:
    code = (
        "from rupost_core import settings\n"
        "from rupost_core.core import Core\n"
        "from rupost_core.operation import Actor, Role\n"
        "with Core(settings.load(), Actor('a', Role.VIEWER, 'cli')) as core:\n"
        "    core.mail.mailboxes(), core.mail.domains()"
    )
    assert _loaded(code, HEAVY, node.environment) == "[]"


def _loaded(code: str, modules: tuple[str, ...], environment: dict[str, str]) -> str:
    """Which of the modules the program has imported by its end."""
    code += f"\nimport sys; print(sorted(set(sys.modules) & set({modules!r})), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60,
                          env=environment)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1]
