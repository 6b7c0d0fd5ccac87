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


_BAD = re.compile(
    r"\[(?:emerg|alert|crit|error|ALERT|WARNING)\]|\b(?:fatal|panic|Fatal|Panic|Error|ERROR|EXCEPTION|FAILURE)\b|error:"
    r"|warning: |cannot |Could not|could not|failed|denied",
)
# What daemons say in every start, or about the probes themselves.
_HARMLESS = re.compile(
    r"Login (?:failed|successful)|auth failed, \d+ attempts|SASL \w+ authentication failed"
    r"|hostname \S+ does not resolve|numeric domain name|setrlimit|client limit|fd limit|does not resolve to address"
    r"|Address family|unable to bind .*/dev/log|Disconnected|FD limit|might be a bit low|Some warnings were found"
)
_STAMP = re.compile(
    r"^(?:\d{4}[/-]\d\d[/-]\d\d[ T][\d:.]+\S* |\w{3} \d\d [\d:]+ )?(?:\S+ \[\d+\]: )?(?:\[\w+\] (?:\d+#\d+: )?)?"
    r"(?:<0x[0-9A-Fa-f]+\[\w+\]>)?\s*"
)
_MOST = 3
_QUOTED = re.compile(r"[\"'`“]([^\"'`”]{3,80})[\"'`”]")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}:\d+\b|\b[\w.-]+:\d{2,5}\b")
_NAME = re.compile(r"\b[a-z][a-z0-9]*_[a-z0-9_]+\b")


def complaints(lines: Iterable[Line], component: str) -> list[str]:
    """The last things that a component complained of, in its order, none twice."""
    found: dict[str, None] = {}
    for line in lines:
        bad = line.severity in range(4) or _BAD.search(line.text)
        if line.component == component and bad and not _HARMLESS.search(line.text):
            text = _STAMP.sub("", line.text).strip()
            found.pop(text, None)
            found[text] = None
    return list(found)[-_MOST:]


def place_of(said: str, files: Mapping[str, str], component: str, live: str) -> tuple[str, int] | None:
    """(file relative to the live root, line counting from 1) that a complaint speaks of, or None.

    It is the path and line that it names, or else the only line of the component's files that holds a distinctive
    word of it: a quoted one, an address, a setting's name.
    """
    named = re.search(rf"{re.escape(live)}/([\w./-]+)(?:[:,]? ?(?:line )?(\d+))?", said)
    if named and named[1] in files:
        if named[2]:
            return named[1], int(named[2])
        for path, text in files.items():
            for number, line in enumerate(text.splitlines(), 1):
                if path != named[1] and f"{live}/{named[1]}" in line:
                    return path, number
        return named[1], 1
    own = {path: text.splitlines() for path, text in files.items() if path.startswith(f"{component}/")}
    for word in (*_QUOTED.findall(said), *_ADDRESS.findall(said), *_NAME.findall(said)):
        matching = [
            (path, number)
            for path, lines in own.items()
            for number, line in enumerate(lines, 1)
            if word in line and not line.lstrip().startswith("#")
        ]
        if len(matching) == 1:
            return matching[0]
    return None


def line_of(files: Mapping[str, str], path: str, patterns: Sequence[str]) -> int | None:
    """The last line of a file that the first of the regular expressions to match anywhere matches."""
    lines = files.get(path, "").splitlines()
    for pattern in patterns:
        matching = [number for number, line in enumerate(lines, 1) if re.search(pattern, line)]
        if matching:
            return matching[-1]
    return None
