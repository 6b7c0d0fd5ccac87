"""Generations, rendered files and what surrounds a node, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rupost_core.directory.model import DirectoryAccess
from rupost_core.secret import Secret
from rupost_core.settings import DatabaseSettings

# Files whose component is this one belong to all that `use` it (certificates and keys).
SHARED = "tls"


@dataclass(frozen=True)
class RenderedFile:
    """One file of a generation on one node. `path` is relative to the live root: `postfix/main.cf`."""

    component: str
    path: str
    owner: str
    group: str
    mode: int
    secret: bool
    content: str

    @property
    def lines(self) -> list[str]:
        return self.content.splitlines()


@dataclass(frozen=True)
class Generation:
    """A numbered, immutable configuration: where it came from, who made it and why; times are UTC.

    `component_versions` are those installed where it was made: {"postfix": "3.7.11", …}.
    """

    number: int
    template_name: str
    template_version: str
    based_on: int | None
    author: str
    reason: str
    component_versions: dict[str, str]
    created_at: datetime

    @property
    def template(self) -> str:
        return f"{self.template_name} {self.template_version}"


@dataclass(frozen=True)
class Deployment:
    """One attempt to bring a node to a generation.

    `outcome` is running, waiting (for the confirmation, until `confirm_until`), done, refused (a check said no,
    nothing live changed), rolled_back or failed. `confirmed_by` is the login of who confirmed it, or "".
    """

    generation: int
    node: str
    outcome: str
    message: str
    author: str
    started_at: datetime
    finished_at: datetime | None
    confirm_until: datetime | None
    confirmed_by: str


@dataclass(frozen=True)
class NodeFacts:
    """A node as templates see it: its name in the cluster and its IP address."""

    name: str
    address: str


@dataclass(frozen=True)
class Surroundings:
    """All that a template may use besides its parameters."""

    live_root: str
    node: NodeFacts
    nodes: tuple[NodeFacts, ...]
    database: DatabaseSettings
    directories: tuple[DirectoryAccess, ...]
    domains: tuple[str, ...]
    certificate_chain: str
    certificate_key: Secret
    dhparam: str

    def as_context(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
