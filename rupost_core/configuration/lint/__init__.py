"""The whole-system lint: what the components' own checkers do not see, since each sees only its own file. Pure.

The rules, one line each with their codes, are in docs/lint.md.
"""

from __future__ import annotations

from rupost_core.configuration.lint import (
    autoconfiguration,
    certificate,
    chain,
    haproxy,
    limits,
    listeners,
    maps,
    memcached,
    milters,
    nginx,
    ports,
    postfix_names,
    relay,
    sign_in,
    sockets,
    sogo,
    sogo_values,
    storage,
    system,
    text,
    tls,
)
from rupost_core.configuration.lint.model import Finding, HostFacts
from rupost_core.configuration.model import RenderedFile

__all__ = ["Finding", "HostFacts", "lint"]

_OF_THE_SYSTEM = (
    relay,
    certificate,
    maps,
    postfix_names,
    storage,
    limits,
    haproxy,
    nginx,
    memcached,
    milters,
    sign_in,
    text,
)
_OF_THE_LISTENERS = (chain, tls, sockets, ports, sogo, sogo_values, autoconfiguration)


def lint(files: tuple[RenderedFile, ...], facts: HostFacts) -> list[Finding]:
    """Everything that is wrong with a generation on this host: errors first, then by file and line.

    A file that cannot be read is one finding; rules that need it then say nothing.
    """
    read = system.read(files, facts)
    sockets_of_all = listeners.every(read, facts)
    found = list(read.unreadable)
    for rule in _OF_THE_SYSTEM:
        found += rule.findings(read, facts)
    for connected in _OF_THE_LISTENERS:
        found += connected.findings(read, facts, sockets_of_all)
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda f: (f.severity != "error", f.problem.file, f.problem.line or 0, f.code))
