"""The services that sogo.conf names are there: SOGo itself would find out when somebody signs in."""

from __future__ import annotations

import re
import socket
from urllib.parse import unquote, urlsplit

from rupost_core.components.model import Problem, StagedView
from rupost_core.database.connect import connect
from rupost_core.errors import DatabaseError
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret
from rupost_core.settings import DatabaseSettings

_FILE = "sogo/sogo.conf"
_SERVER = re.compile(r"\s*SOGo(?:IMAP|Sieve|SMTP)Server\s*=\s*\"?\w+://(?P<host>[\w.-]+):(?P<port>\d{1,5})")
_DATABASE = re.compile(r"\s*\w+URL\s*=\s*\"(?P<url>postgresql://[^\"]+)\"")
_CONNECT_SECONDS = 2.0


def service_problems(view: StagedView) -> list[Problem]:
    """Every database account gets in, and mail servers on other hosts answer; each is asked once."""
    answers: dict[tuple[str, ...], str] = {}
    problems = []
    for number, line in enumerate(view.text(_FILE).split("\n"), 1):
        reason = _server_trouble(line, answers) or _database_trouble(line, answers)
        if reason:
            problems.append(Problem("sogo", _FILE, number, reason))
    return problems


def _server_trouble(line: str, answers: dict[tuple[str, ...], str]) -> str:
    match = _SERVER.match(line)
    if not match or _is_own(match["host"]):
        return ""  # what this node serves comes up with the generation
    place = (match["host"], match["port"])
    if place not in answers:
        try:
            socket.create_connection((match["host"], int(match["port"])), _CONNECT_SECONDS).close()
            answers[place] = ""
        except (OSError, OverflowError) as error:
            answers[place] = f"{match['host']}:{match['port']}: {error}"
    return answers[place]


def _database_trouble(line: str, answers: dict[tuple[str, ...], str]) -> str:
    match = _DATABASE.match(line)
    if not match:
        return ""
    try:
        url = urlsplit(match["url"])
        host, port = url.hostname or "", url.port or 5432
    except ValueError as error:
        return str(error)
    user, password = unquote(url.username or ""), unquote(url.password or "")
    database = url.path.strip("/").partition("/")[0]
    access = (host, str(port), user, password, database)
    if access not in answers:
        try:
            connect(DatabaseSettings(((host, port),), user, Secret(password)), database).close()
            answers[access] = ""
        except DatabaseError as error:
            answers[access] = _("the database cannot be used: {reason}", reason=error.message)
    return answers[access]


def _is_own(host: str) -> bool:
    """Whether the host is this one: its addresses can be bound."""
    try:
        with socket.socket(socket.AF_INET) as trial:
            trial.bind((host, 0))
    except OSError:
        return False
    return True
