"""What Postfix looks for only when mail comes: the tables of main.cf, and the programs and accounts of master.cf."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rupost_core.components.model import Problem, StagedView
from rupost_core.host.commands import Finished
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_MAIN = "postfix/main.cf"
_MASTER = "postfix/master.cf"
_PROGRAMS = Path("/usr/lib/postfix/sbin")
_TABLE = re.compile(r"(?<![\w/.])(?P<proxy>proxy:)?(?P<type>[a-z]+):(?P<path>/[^\s,{}]+)")
_LOOKUP = re.compile(r"(?<![\w/.])(?:proxy:)?(?P<type>[a-z]+):")
# Postfix makes these itself.
_MADE = re.compile(r"_cache_database$|_session_cache|^postscreen_cache_map$|^address_verify_map$|_cache_map$")
_HOLDS_TABLES = re.compile(r"_(maps|map|checks|tables?|cache_database)$|^(alias_database|mynetworks|mydestination)$")
_COMMAND_FIELD = 7
_AS_POSTFIX = ("/usr/bin/setpriv", "--reuid=postfix", "--regid=postfix", "--clear-groups", "--")
_PREFIX = re.compile(r"^(?:postmap|/\S+): (?:warning|error|fatal|panic): ")

# What PostgreSQL's and Postfix's words are about, in the order in which they are looked for.
_ABOUT = {
    "ERROR: |query|SELECT": "query",
    "password authentication|role": "password",
    r"database \"": "dbname",
    "host|connect|server|address": "hosts",
}


def table_problems(view: StagedView, settings: str, overrides: str) -> list[Problem]:
    """Each table is of a type that is installed, and answers a question about what cannot exist.

    `settings` and `overrides` are what `postconf -n -x` and `postconf -P -x` print.
    """
    config = view.live / "postfix"
    types = set(view.run(["/usr/sbin/postconf", "-c", config, "-m"]).stdout.split())
    problems = []
    tables: dict[str, tuple[re.Match[str], str, int | None]] = {}
    for file, name, value in _settings(settings, overrides):
        if _MADE.search(name) or name.endswith("_milters"):
            continue
        line = view.line_of(file, rf"^\s*(?:-o\s*)?\{{?\s*{re.escape(name)}\s*=")
        reason = _type_trouble(name, value, types)
        if reason:
            problems.append(Problem("postfix", file, line, reason))
        for table in _TABLE.finditer(value):
            if table["type"] in types:
                tables.setdefault(table[0], (table, file, line))
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda asked: (asked, _answer(view, asked[0])), tables.values())
        problems += [_table_problem(view, asked, reason) for asked, reason in answers if reason]
    return problems or _relay_problems(view, settings)


def _relay_problems(view: StagedView, settings: str) -> list[Problem]:
    """Where the relay host wants a login, the table of passwords must hold one for it."""
    values = {name: value for _file, name, value in _settings(settings, "")}
    table = _TABLE.match(values.get("smtp_sasl_password_maps", ""))
    host = values.get("relayhost", "")
    if values.get("smtp_sasl_auth_enable") != "yes" or not table or not host:
        return []
    if _postmap(view, table, host).stdout.strip():
        return []
    file = view.relative(table["path"])
    return [Problem("postfix", file, None, _("there is no login for the relay host {host}", host=host))]


def _table_problem(view: StagedView, asked: tuple[re.Match[str], str, int | None], reason: str) -> Problem:
    """At the table's own file, if it is one of ours and there; otherwise where the table is named."""
    table, file, line = asked
    own = view.relative(table["path"])
    if own != table["path"] and view.real(table["path"]).exists():
        return Problem("postfix", own, _line_named(view, own, reason), reason)
    return Problem("postfix", file, line, reason)


def service_problems(view: StagedView, services: str) -> list[Problem]:
    """Each service of master.cf (as `postconf -M` prints them) runs a program, as an account, that is there."""
    problems = []
    for service in services.splitlines():
        fields = service.split()
        if len(fields) <= _COMMAND_FIELD:
            continue
        reason = _service_trouble(fields[_COMMAND_FIELD:])
        if reason:
            line = view.line_of(_MASTER, rf"^{re.escape(fields[0])}\s+{re.escape(fields[1])}\s")
            problems.append(Problem("postfix", _MASTER, line, reason))
    return problems


def _settings(settings: str, overrides: str) -> Iterator[tuple[str, str, str]]:
    """(file, parameter, value) of everything that is set."""
    for line in settings.splitlines():
        name, _equals, value = line.partition(" = ")
        yield _MAIN, name.strip(), value
    for line in overrides.splitlines():
        name, _equals, value = line.partition(" = ")
        yield _MASTER, name.strip().rpartition("/")[2], value


def _type_trouble(name: str, value: str, types: set[str]) -> str:
    """What is wrong with the table types that the value names, or ""."""
    if name.endswith("_restrictions"):
        named = re.findall(r"\bcheck_\w+_access[\s,]+(?:proxy:)?([a-z]+):", value)
    elif _HOLDS_TABLES.search(name):
        named = [match["type"] for match in _LOOKUP.finditer(value)]
    else:
        named = []
    wrong = next((word for word in named if word not in types), "")
    if wrong:
        return _("unknown table type “{type}”.", type=wrong) + nearest(wrong, types)
    if name.endswith(("_maps", "_checks")) and "{" not in value:
        bare = next((word for word in re.split(r"[\s,]+", value) if word and not re.match(r"\$|\w+:", word)), "")
        if bare:
            return _("“{word}” names no table, which is TYPE:NAME", word=bare)
    return ""


def _answer(view: StagedView, table: re.Match[str]) -> str:
    """Why a table does not answer, or ""."""
    done = _postmap(view, table, "check@invalid")
    said = [_PREFIX.sub("", line.strip()) for line in done.stderr.splitlines() if line.strip()]
    # The last line often only says that the query failed; what came before it says why.
    return "; ".join(line for line in said if "overriding earlier entry" not in line)[:500]


def _postmap(view: StagedView, table: re.Match[str], key: str) -> Finished:
    """Asks a table: proxymap reads its tables as the account postfix, daemons theirs as root."""
    name = f"{table['type']}:{table['path']}"
    ask = ["/usr/sbin/postmap", "-c", str(view.live / "postfix"), "-q", key, name]
    return view.run([*(_AS_POSTFIX if table["proxy"] else ()), *ask])


def _line_named(view: StagedView, file: str, reason: str) -> int | None:
    """The line of a table's file that a reason is about: it names the line, or a word of its settings."""
    named = re.search(r"line (\d+)", reason)
    if named:
        return int(named[1])
    for pattern, setting in _ABOUT.items():
        if re.search(pattern, reason, re.IGNORECASE):
            return view.line_of(file, rf"^\s*{setting}\s*=")
    return None


def _service_trouble(command: list[str]) -> str:
    program = _PROGRAMS / command[0]
    if not os.access(program, os.X_OK):
        known = [path.name for path in _PROGRAMS.iterdir()] if _PROGRAMS.is_dir() else []
        return _("there is no program {path}.", path=program) + nearest(command[0], known)
    if command[0] not in ("pipe", "spawn"):
        return ""
    for word in command[1:]:
        name, _equals, value = word.partition("=")
        if name == "user" and not _has_account(*value.split(":")[:2]):
            return _("there is no account {name}", name=value)
        if name == "argv" and value.startswith("/") and not os.access(value, os.X_OK):
            return _("there is no program {path}.", path=value)
    return ""


def _has_account(user: str, group: str = "") -> bool:
    try:
        pwd.getpwnam(user)
        if group:
            grp.getgrnam(group)
    except KeyError:
        return False
    return True
