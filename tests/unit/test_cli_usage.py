"""Help and usage errors of the command line, each in its own process, in Russian and in English."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rupost_cli import main, output, words

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT / "rupost_core/locale/ru/LC_MESSAGES"
NOUNS = sorted(main.NOUNS | main.HIDDEN_NOUNS)
VERBS = [
    (noun, verb)
    for noun, (module, _summary) in sorted((main.NOUNS | main.HIDDEN_NOUNS).items())
    for verb in importlib.import_module(module).app.commands
]

# What stays in Latin letters on a Russian screen: names that are typed, and names of products, formats and standards.
TYPED = re.compile(r"(?<!\w)--?[a-z][a-z-]*|[a-z]+://|[A-Z]+_[A-Z_]+|[a-z-]+\.(?:timer|service)|\d+[KMGT]\b")
NAMES = {
    "rupost", "openssl", "dhparam", "mail", "control_panel", "active_directory", "freeipa", "ald_pro", "company.ru",
    "dc=company", "dc=ru", "uid", "sAMAccountName", "message_size_limit", "x", "RuPost", "LDAP", "PEM", "JSON", "DN",
    "URL", "SIGTERM", "ACME", "RFC", "DER", "PKCS", "HTTPS", "Base64URL", "Enterprise", "EDITOR", "ID",
    "NAME-VERSION.tar.gz",
    "tar.gz", "zip", "edit", "drop", "postfix", "main.cf", "lint", "checkers", "shadow", "h", "s", "m",
    "ec", "rsa", "p256", "p384", "p521", "rsa:3072", "mail.example.ru", "ffdhe2048", "ffdhe3072", "ffdhe4096",
    *NOUNS, *(verb for _noun, verb in VERBS),
}  # fmt: skip


def english(text: str) -> list[str]:
    """The Latin words of a text that are no names."""
    text = re.sub(r"-\n\s*", "-", text)  # a name broken at its hyphen
    latin = re.findall(r"[A-Za-z](?:[A-Za-z0-9_.=-]*[A-Za-z0-9])?", TYPED.sub(" ", text))
    return [word for word in latin if word not in NAMES]


@pytest.fixture(scope="module", autouse=True)
def catalogue() -> None:
    """The compiled catalogue, made anew when it is older than its source (`make messages`)."""
    source, compiled = MESSAGES / "rupost.po", MESSAGES / "rupost.mo"
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["msgfmt", "-o", compiled, source], check=True, timeout=60)


def environment(language: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RUPOST_")}
    return {**kept, "RUPOST_LANGUAGE": language, "RUPOST_CONFIG": "/nowhere/config.json", "COLUMNS": "80"}


def run(language: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rupost_cli", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60,
        stdin=subprocess.DEVNULL, env=environment(language),
    )  # fmt: skip


USAGE_ERRORS = [
    (["mailbx"], "No such command 'mailbx'. Did you mean 'mailbox'?",
     "Нет такой команды: 'mailbx'. Возможно, имелось в виду 'mailbox'?"),
    (["mailbox", "lst"], "No such command 'lst'. Did you mean 'list'?",
     "Нет такой команды: 'lst'. Возможно, имелось в виду 'list'?"),
    (["--"], "Missing command.", "Не указана команда."),
    (["mailbox", "--"], "Missing command.", "Не указана команда."),
    (["--jsn"], "No such option '--jsn'.", "Нет такого параметра: '--jsn'."),
    (["mailbox", "list", "--limt", "3"], "No such option '--limt'. Did you mean '--limit'?",
     "Нет такого параметра: '--limt'. Возможно, имелось в виду '--limit'?"),
    (["config", "plan", "--sett"], "No such option '--sett'. (Did you mean one of: '--set', '--set-file'?)",
     "Нет такого параметра: '--sett'. (Возможно, имелось в виду одно из: '--set', '--set-file'?)"),
    (["mailbox", "list", "--limit"], "Option '--limit' requires an argument.",
     "Параметр '--limit' требует значения."),
    (["mailbox", "list", "--json=1"], "Option '--json' does not take a value.",
     "Параметр '--json' не принимает значения."),
    (["mailbox", "list", "--limit", "1a"], "Invalid value for '--limit': '1a' is not a valid integer.",
     "Недопустимое значение '--limit': '1a' — не целое число."),
    (["mailbox", "list", "--limit", "0"], "Invalid value for '--limit': 0 is not in the range 1<=x<=1000000.",
     "Недопустимое значение '--limit': 0 вне допустимого диапазона 1<=x<=1000000."),
    (["config", "diff", "1", "2.0"], "Invalid value for 'NEW': '2.0' is not a valid integer.",
     "Недопустимое значение 'НОВОЕ': '2.0' — не целое число."),
    (["directory", "add", "--kind", "1"],
     "Invalid value for '--kind': '1' is not one of 'active_directory', 'freeipa', 'ald_pro'.",
     "Недопустимое значение '--kind': '1' нет в списке: 'active_directory', 'freeipa', 'ald_pro'."),
    (["directory", "add", "1"], "Missing option '--kind'. Choose from: active_directory, freeipa, ald_pro",
     "Не указан параметр '--kind'. Допустимые значения: active_directory, freeipa, ald_pro"),
    (["mailbox", "create", "1"], "Missing option '--directory'.", "Не указан параметр '--directory'."),
    (["directory", "add", "1", "--kind", "freeipa"], "Missing option '--url'.", "Не указан параметр '--url'."),
    (["mailbox", "show"], "Missing argument 'ADDRESS'.", "Не указан аргумент 'АДРЕС'."),
    (["mailbox", "show", "1", "2"], "Got unexpected extra argument (2)", "Лишний аргумент: 2"),
    (["mailbox", "show", "1", "2", "3"], "Got unexpected extra arguments (2 3)", "Лишние аргументы: 2 3"),
    (["config", "plan", "--set", "1"], "--set needs NAME=VALUE, not “1”.", "Для --set нужно ИМЯ=ЗНАЧЕНИЕ, а не «1»."),
]  # fmt: skip
TYPOS = {"mailbx", "lst", "--jsn", "--limt", "--sett", "1a", "a"}


@pytest.mark.parametrize(
    ("arguments", "in_english", "in_russian"), USAGE_ERRORS, ids=[" ".join(case[0]) for case in USAGE_ERRORS]
)
def test_usage_errors(arguments: list[str], in_english: str, in_russian: str) -> None:
    for language, message in (("en", in_english), ("ru", in_russian)):
        done = run(language, *arguments)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "Traceback" not in done.stderr
        assert message in done.stderr.splitlines()[0]
        if language == "ru":
            assert [word for word in english(done.stderr) if word not in TYPOS] == []


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["mailbx"], "rupost"),
        (["mailbox", "lst"], "rupost mailbox"),
        (["mailbox", "list", "--limit"], "rupost mailbox list"),
        (["mailbox", "list", "--limit", "x"], "rupost mailbox list"),
        (["mailbox", "list", "--json=1"], "rupost mailbox list"),
    ],
)
def test_the_hint_names_the_help_of_the_command_at_fault(arguments: list[str], command: str) -> None:
    assert run("en", *arguments).stderr.splitlines()[1] == f"What to do: See {command} --help."


def test_a_usage_error_as_json() -> None:
    done = run("ru", "mailbox", "list", "--limit", "x", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["hint"]) == ("input", "См. rupost mailbox list --help.")
    assert error["message"] == "Недопустимое значение '--limit': 'x' — не целое число."


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"\x1b[31m", "\u202e".encode(), b"a\nb", b"{}", b"%s", b"'"])
@pytest.mark.parametrize("before", [[], ["mailbox"], ["mailbox", "list", "--limit"], ["mailbox", "show", "a"]])
def test_junk_is_refused_and_made_harmless(before: list[str], junk: bytes) -> None:
    done = subprocess.run([sys.executable, "-m", "rupost_cli", *before, junk], capture_output=True, cwd=ROOT,
                          timeout=60, env=environment("ru"))  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")
    said = done.stderr.decode()
    assert len(said.splitlines()) == 2
    assert not set(said) & {"\x1b", "\u202e", "\r"}


def test_junk_in_json() -> None:
    """Bytes that are no text stay legible, and the document valid."""
    done = subprocess.run([sys.executable, "-m", "rupost_cli", "mailbox", "show", "a", b"\xff", "--json"], cwd=ROOT,
                          capture_output=True, timeout=60, env=environment("en"))  # fmt: skip
    assert (done.returncode, done.stderr) == (2, b"")
    assert json.loads(done.stdout)["error"]["message"] == "Got unexpected extra argument (\udcff)"


@pytest.mark.parametrize("path", [[noun] for noun in NOUNS] + [list(pair) for pair in VERBS], ids=" ".join)
def test_help(path: list[str]) -> None:
    """Every noun and verb has help in both languages; in Russian nothing in it is English but names."""
    for language, usage in (("en", "Usage: "), ("ru", "Использование: ")):
        done = run(language, *path, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(usage + " ".join(["rupost", *path]) + " ")
        assert run(language, *path, "-h").stdout == done.stdout
        if language == "ru":
            assert english(done.stdout) == []
        else:
            assert not re.search("[А-Яа-я]", done.stdout.replace("почта.рф", ""))


def test_help_of_all() -> None:
    for language, headings in (("en", ("Usage:", "Options:", "Commands:")),
                               ("ru", ("Использование:", "Параметры:", "Команды:"))):  # fmt: skip
        done = run(language, "--help")
        assert all(heading in done.stdout for heading in headings)
        assert re.findall(r"^  (\w+)  ", done.stdout, re.M) == sorted(main.NOUNS)
    assert english(run("ru", "--help").stdout) == []


def test_arguments_are_explained() -> None:
    shown = run("en", "mailbox", "show", "--help").stdout
    assert "\nPositional arguments:\n  ADDRESS  The mailbox's address" in shown
    assert "\nАргументы:\n  [НОМЕР]  Номер поколения" in run("ru", "config", "show", "--help").stdout


@pytest.mark.parametrize("noun", [[], *([noun] for noun in NOUNS)], ids=" ".join)
def test_without_a_verb_there_is_help(noun: list[str]) -> None:
    done = run("en", *noun)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run("en", *noun, "--help").stdout


def test_the_summaries_in_main_are_the_nouns_own() -> None:
    for module, summary in (main.NOUNS | main.HIDDEN_NOUNS).values():
        assert importlib.import_module(module).app.help == summary


def test_help_imports_no_noun_and_nothing_heavy() -> None:
    """`rupost --help` needs Click and the catalogue, and nothing of the core that works."""
    code = (
        "import sys, rupost_cli.main as m\nsys.argv = ['rupost', '--help']\ntry: m.main()\nexcept SystemExit: pass\n"
        "print(sorted(name for name in sys.modules if name.startswith(('rupost_cli.', 'rupost_core.'))), "
        "file=sys.stderr)\n"
        "print(sorted({'typer', 'pydantic', 'rich', 'sqlalchemy', 'psycopg2'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60,
                          env=environment("en"))  # fmt: skip
    ours, heavy = done.stderr.splitlines()[-2:]
    assert heavy == "[]"
    assert not any(f"'{module}'" in ours for module, _summary in (main.NOUNS | main.HIDDEN_NOUNS).values())


@pytest.mark.parametrize("arguments", [["--help"], [], ["config"], ["mailbox", "list", "--json"]], ids=" ".join)
def test_a_reader_that_goes_away(arguments: list[str]) -> None:
    """`rupost … | head`: no complaint, and the code that a shell expects."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "rupost_cli", *arguments], stdout=writing, stderr=subprocess.PIPE,
                          cwd=ROOT, timeout=60, env=environment("en"))  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_cancelled(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a command: here while it waits for a file that nobody writes."""
    fifo = tmp_path / "password"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "rupost_cli", "check", "mailflow", "--address", "a@b.ru", "--password-file", fifo],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment("ru"),
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while True:
        try:
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)  # possible only when the other side is reading
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=20)
    os.close(writer)
    assert (process.returncode, out, said) == (130, "", "Прервано.\n")


@pytest.mark.parametrize(("file", "reason"), [("/nowhere", "нет такого файла"), ("/", "это каталог")])
def test_a_file_that_cannot_be_read(file: str, reason: str) -> None:
    done = run("ru", "config", "plan", "--set-file", f"a={file}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith(reason)


def test_words() -> None:
    """Tests run in English (conftest.py); the words' Russian is the catalogue's matter."""
    assert words.outcome("rolled_back", "no answer") == "rolled back: no answer"
    assert words.outcome("done") == "done"
    assert words.outcome("later") == "later"
    assert (words.face("cli"), words.face("x")) == ("command line", "x")
    assert words.step("reload") == "reloaded"
    assert output.seconds(0.123) == "0.12 s"


def test_words_in_russian() -> None:
    code = (
        "from rupost_cli import output, words\n"
        "print(words.outcome('rolled_back'), words.face('web'), words.step('reload'), "
        "output.seconds(1.5), sep='|')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60,
                          env=environment("ru"))  # fmt: skip
    assert done.stdout == "выполнен откат|панель|перечитан|1,50 с\n"
