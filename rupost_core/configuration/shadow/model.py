"""A shadow start as a value: what the outer process hands to the inner one, as JSON. It holds no secret."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Outside:
    """An outside service: whichever of its (host, port) targets answers will do.

    `needed` says that without it the shadow cannot tell a good configuration from a bad one.
    """

    name: str
    targets: tuple[tuple[str, int], ...]
    needed: bool


@dataclass(frozen=True)
class Relay:
    """A way out of the shadow: what connects to (address, port) there is connected to the same, here."""

    host: str
    address: str
    port: int


@dataclass(frozen=True)
class Target:
    """Where the staged files send something on this node: somebody must listen there. `line` counts from 1."""

    address: str
    port: int
    component: str
    file: str
    line: int


@dataclass(frozen=True)
class Person:
    """A real mailbox of this cluster: where a letter to `address` must be delivered below `home`."""

    address: str
    home: str
    directory: str


@dataclass(frozen=True)
class Expected:
    """What the staged files promise. Empty texts and numbers mean: not promised, not asked.

    `strangers_refused`: port 25 is for a gateway and the nodes themselves only. `content_filter`: letters go out to a
    filter and come back, which a trial must not make them do.
    """

    page_title: str = ""
    certificate_file: str = ""
    autoconfiguration: bool = False
    autodiscover: bool = False
    memcached: tuple[str, int] = ("", 0)
    submission: tuple[str, int] = ("", 0)
    imap: tuple[str, int] = ("", 0)
    sieve: tuple[str, int] = ("", 0)
    haproxy_socket: str = ""
    passdbs: int = 0
    strangers_refused: bool = False
    content_filter: bool = False


@dataclass(frozen=True)
class ShadowPlan:
    """All that a shadow start needs to know.

    `covered` are folders of live state, seen empty in the shadow; `sockets` are files of outside services that it may
    see. `addresses` are the node's own. `deadline` is a moment of the monotonic clock, one for all namespaces.
    """

    live: str
    staged: str
    node_address: str
    node_name: str
    components: tuple[str, ...]
    covered: tuple[str, ...]
    queue: str
    addresses: tuple[str, ...]
    relays: tuple[Relay, ...]
    sockets: tuple[str, ...]
    targets: tuple[Target, ...]
    expected: Expected
    domain: str
    people: tuple[Person, ...]
    deadline: float
    measure: bool = False

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ShadowPlan:
        data = json.loads(text)
        data["relays"] = tuple(Relay(**relay) for relay in data["relays"])
        data["targets"] = tuple(Target(**target) for target in data["targets"])
        data["people"] = tuple(Person(**person) for person in data["people"])
        data["expected"] = Expected(**{name: _tuple(value) for name, value in data["expected"].items()})
        return cls(**{field.name: _tuple(data[field.name]) for field in fields(cls)})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# What a test client may ask from: addresses that are nobody's (RFC 5737), so no configuration trusts them. Each probe
# has its own, since Dovecot makes an address that failed to sign in wait.
def client_address(number: int) -> str:
    return f"198.51.100.{number + 1}"
