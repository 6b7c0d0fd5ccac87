"""A daemon's own last words about what went wrong, and the place in the staged files that they speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line of a log. `severity` is syslog's (0 to 7; 4 is a warning), or -1 where none is given."""

    component: str
    severity: int
    text: str


# From the gravest: what ends a program or a request; what is a warning; what only repeats that something else failed.
_RANKS = (
    re.compile(r"\[(?:emerg|alert|crit|error|ALERT|ERROR)\]|\b(?:fatal|panic|Fatal|Panic|Error|EXCEPTION)\b|error: "),
    re.compile(r"\bwarning: |\[WARNING\]|[Cc]ould not |cannot |failed|denied"),
    re.compile(
        r"exit status \d|bad command startup|notification discarded|Server \S+ is DOWN|no server available"
        r"|Login aborted|client didn't finish"
    ),
)
# What daemons say in every start, or of the probes themselves.
_HARMLESS = re.compile(
    r"NOQUEUE: |non-SMTP command|lost connection|auth failed, \d+ attempts|SASL \w+ authentication failed"
    r"|does not resolve|numeric domain name|setrlimit|client limit|fd limit|FD limit|Disconnected|might be a bit low"
    r"|could not locate builders|Some warnings were found|No child available"
)
_STAMP = re.compile(
    r"^(?:\d{4}[/-]\d\d[/-]\d\d[ T][\d:.]+\S* |\w{3} \d\d [\d:]+ )?(?:\S+ \[\d+\]: )?(?:\[\w+\] (?:\d+#\d+: )?)?"
    r"(?:sogod \[\d+\]: )?(?:\[\w+\] )?(?:<0x(?:0x)?[0-9A-Fa-f]+\[\w+\]>)?\s*"
)
_MOST = 3
_QUOTED = re.compile(r"[\"'`“]([^\"'`”]{3,80})[\"'`”]")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}:\d+\b|\b[\w.-]+:\d{2,5}\b")
_NAME = re.compile(r"\b[a-z][a-z0-9]*_[a-z0-9_]+\b")


def unstamped(text: str) -> str:
    """A log line without its time, level and process."""
    return _STAMP.sub("", text).strip()


def complaints(lines: Iterable[Line], component: str) -> list[str]:
    """The gravest things that a component complained of, in its order, none twice."""
    found: dict[str, int] = {}
    for line in lines:
        rank = gravity(line)
        if line.component == component and rank is not None:
            found.setdefault(unstamped(line.text), rank)
    gravest = min(found.values(), default=0)
    return [text for text, rank in found.items() if rank == gravest][:_MOST]


def gravity(line: Line) -> int | None:
    """0 for the gravest; None for what is no complaint."""
    if _HARMLESS.search(line.text):
        return None
    if _RANKS[2].search(line.text):
        return 2
    if line.severity in range(4) or _RANKS[0].search(line.text):
        return 0
    return 1 if _RANKS[1].search(line.text) else None


def is_hopeless(line: Line) -> bool:
    """Whether a master process says that it will not start one of its services again for a while."""
    return "throttling" in line.text and line.component in ("postfix", "dovecot")


def place_of(said: str, files: Mapping[str, str], component: str, live: str) -> tuple[str, int | None] | None:
    """(file relative to the live root, line counting from 1 or None) that a complaint speaks of, or None.

    It is the path and line that it names, or else the only line of the component's files that holds a distinctive
    word of it: a quoted one, an address, a setting's name.
    """
    named = re.search(rf"{re.escape(live)}/([\w./-]+\w)(?:[:,]? ?(?:line )?(\d+))?", said)
    if named and named[1] in files and named[2]:
        return named[1], int(named[2])
    words = [*_QUOTED.findall(said), *_ADDRESS.findall(said), *_NAME.findall(said)]
    if named and named[1] in files:
        asked = {named[1]: files[named[1]]}
        return _only_line(asked, words) or _of_directory(said, asked) or (named[1], None)
    own = {path: text for path, text in files.items() if path.startswith(f"{component}/")}
    # A file that is named and is not there: who asks for it?
    return _only_line(own, [named[1].rpartition("/")[2], *words] if named else words)


# What a directory's answer is about, in a file of Dovecot's ldap driver.
_ABOUT_DIRECTORY = {
    "[Ii]nvalid credentials|binding failed|ldap_bind": r"^dn\b",
    "No such object|[Nn]o such DN": r"^base\b",
}


def _of_directory(said: str, file: Mapping[str, str]) -> tuple[str, int] | None:
    patterns = [setting for answer, setting in _ABOUT_DIRECTORY.items() if re.search(answer, said)]
    return line_of(file, "dovecot", patterns) if patterns else None


def _only_line(files: Mapping[str, str], words: Iterable[str]) -> tuple[str, int | None] | None:
    """The line that is the only one to hold one of the words; comments do not count."""
    for word in words:
        matching = [
            (path, number)
            for path, text in files.items()
            for number, line in enumerate(text.splitlines(), 1)
            if word in line and not line.lstrip().startswith("#")
        ]
        if len(matching) == 1:
            return matching[0]
    return None


def line_of(files: Mapping[str, str], component: str, patterns: Sequence[str]) -> tuple[str, int] | None:
    """(file, line) of the last line in a component's files that the first of the patterns to match at all matches."""
    for pattern in patterns:
        matching = [
            (path, number)
            for path, text in files.items()
            if path.startswith(f"{component}/")
            for number, line in enumerate(text.splitlines(), 1)
            if re.search(pattern, line)
        ]
        if matching:
            return matching[-1]
    return None
