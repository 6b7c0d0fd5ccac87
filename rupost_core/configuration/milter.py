"""Mail filters that Postfix asks by the Milter protocol, as one line of text each.

    klms                                     the product's own socket, and what suits it otherwise
    custom unix:/run/opendkim/opendkim.sock  any other filter
    rspamd inet:10.0.0.7:11332 down=tempfail mail=incoming content=120s

First the product, then its socket (`inet:host:port` or `unix:/path`), then options, in any order:

    down      what happens to a letter when the filter is unreachable, too slow or dies: accept (it passes unseen),
              tempfail (the sender tries again later), quarantine (it waits in Postfix's hold queue)
    mail      both, incoming (port 25) or outgoing (port 465, the web client, programs on the node)
    connect   time for connecting
    command   time for each SMTP command, and for the filter's first word
    content   time for the letter itself
    protocol  the version of the Milter protocol

Source: postconf(5) smtpd_milters, milter_default_action, milter_*_timeout, milter_protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rupost_core.configuration.endpoints import read_endpoint, read_path
from rupost_core.i18n import translate as _
from rupost_core.quantity import parse_duration
from rupost_core.text import nearest

# Postfix also knows “reject”, but then says 550 as soon as a connection opens: HAProxy takes the port for dead, and a
# letter is lost because a program is being restarted. Nobody is served by that.
ACTIONS = ("accept", "tempfail", "quarantine")
DIRECTIONS = ("both", "incoming", "outgoing")
PROTOCOLS = ("2", "3", "4", "6")
# HAProxy's health checks of the ports wait 5 s and pass the filter too. Where letters go on without the filter, it is
# given up sooner, or the ports are taken for dead; where they do not, that makes no difference to their senders.
_CONNECT_SECONDS = 3
_COMMAND_SECONDS = {"accept": 3, "quarantine": 3, "tempfail": 30}
# A sender waits 5 minutes for the answer to a command and 10 for that to the letter (RFC 5321 4.5.3.2): who is kept
# waiting longer hangs up and sends the letter again.
_LONGEST_COMMAND = 300
_LONGEST_CONTENT = 600


@dataclass(frozen=True)
class Milter:
    """One mail filter; times in seconds. `str()` writes it as `parse_milter` reads it back, with every option."""

    product: str
    socket: str
    down: str = "tempfail"
    mail: str = "both"
    connect: int = _CONNECT_SECONDS
    command: int = _COMMAND_SECONDS["tempfail"]
    content: int = 300
    protocol: int = 6

    def __str__(self) -> str:
        return (
            f"{self.product} {self.socket} down={self.down} mail={self.mail} connect={self.connect}s"
            f" command={self.command}s content={self.content}s protocol={self.protocol}"
        )


# Ready answers; where each value is from stands in docs/milters.md. An antivirus that is down stops the mail, so that
# no virus passes unseen; without an antispam the mail goes on, as rspamd's own manual has it.
PRODUCTS: dict[str, Milter] = {
    "rspamd": Milter("rspamd", "inet:127.0.0.1:11332", down="accept"),
    "klms": Milter("klms", "inet:127.0.0.1:6672"),
    "drweb": Milter("drweb", "inet:127.0.0.1:3001"),
    "custom": Milter("custom", ""),
}


def parse_milter(raw: object) -> Milter:
    """The filter that a line describes, what it does not say taken from the product; raises ValueError."""
    words = str(raw).split()
    if not words or words[0] not in PRODUCTS:
        named = words[0] if words else ""
        raise ValueError(
            _("“{raw}” is not one of: {choices}.", raw=named, choices=", ".join(PRODUCTS)) + nearest(named, PRODUCTS)
        )
    milter = PRODUCTS[words[0]]
    rest = words[1:]
    if rest and "=" not in rest[0]:
        milter = replace(milter, socket=_socket(rest.pop(0)))
    if not milter.socket:
        raise ValueError(_("the filter needs its socket: inet:host:port or unix:/path"))
    given: dict[str, Any] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals or name not in _OPTIONS:
            raise ValueError(
                _("“{raw}” is not one of: {choices}.", raw=word, choices=", ".join(f"{n}=…" for n in _OPTIONS))
                + nearest(name, _OPTIONS)
            )
        if name in given:
            raise ValueError(_("“{name}” is given twice", name=name))
        given[name] = _OPTIONS[name](name, value)
    given.setdefault("command", _COMMAND_SECONDS[given.get("down", milter.down)])
    return replace(milter, **given)


# As Sendmail's own library writes it, and vendors after it: inet:6672@127.0.0.1
_LIBMILTER = re.compile(r"inet:([0-9]+)@([^@]+)")


def _socket(text: str) -> str:
    kind, _colon, place = text.partition(":")
    turned = _LIBMILTER.fullmatch(text)
    if turned:
        return f"inet:{read_endpoint(f'{turned[2]}:{turned[1]}')}"
    if kind == "inet":
        return f"inet:{read_endpoint(place)}"
    if kind in ("unix", "local"):
        return f"unix:{read_path(place)}"
    raise ValueError(_("“{raw}” is not a socket such as inet:127.0.0.1:11332 or unix:/run/filter.sock", raw=text))


def _word_of(choices: tuple[str, ...]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in choices:
            said = _("“{raw}” is not one of: {choices}.", raw=f"{name}={value}", choices=", ".join(choices))
            raise ValueError(said + nearest(value, choices))
        return value

    return read


def _seconds(longest: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        seconds = parse_duration(value)
        if not 1 <= seconds <= longest:
            raise ValueError(_("“{raw}”: from 1 to {most} seconds", raw=f"{name}={value}", most=longest))
        return seconds

    return read


def _protocol(name: str, value: str) -> int:
    return int(_word_of(PROTOCOLS)(name, value))


_OPTIONS: dict[str, Callable[[str, str], Any]] = {
    "down": _word_of(ACTIONS),
    "mail": _word_of(DIRECTIONS),
    "connect": _seconds(_LONGEST_COMMAND),
    "command": _seconds(_LONGEST_COMMAND),
    "content": _seconds(_LONGEST_CONTENT),
    "protocol": _protocol,
}
