"""What the lint is told about the host, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rupost_core.components.model import Problem

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `code` is a stable word (docs/lint.md). Errors refuse, warnings are only shown."""

    problem: Problem
    severity: Severity
    code: str

    def __str__(self) -> str:
        return f"{self.problem} [{self.code}]"


@dataclass(frozen=True)
class HostFacts:
    """The node as far as rules need it. What is not known is 0 or empty, and rules that need it then say nothing.

    `now` is UTC; `addresses` are the IP addresses of the node's interfaces; `open_files` is the hard limit that a
    daemon gets; `mail_hosts` are names that clients use besides Postfix's myhostname.
    """

    now: datetime
    node_name: str
    node_address: str
    live_root: str
    mail_hosts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    addresses: frozenset[str] = frozenset()
    memory_bytes: int = 0
    open_files: int = 0


def error(code: str, component: str, file: str, line: int | None, reason: str) -> Finding:
    return Finding(Problem(component, file, line, reason), "error", code)


def warning(code: str, component: str, file: str, line: int | None, reason: str) -> Finding:
    return Finding(Problem(component, file, line, reason), "warning", code)


def listed(text: str) -> frozenset[str]:
    """Names that stand in one text, for long lists of them."""
    return frozenset(text.split())
