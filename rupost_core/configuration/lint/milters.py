"""Postfix's mail filters: an address that cannot be one would defer every letter, and no checker looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rupost_core.components.languages.postfix import split_list
from rupost_core.configuration.lint.model import Finding, HostFacts, error
from rupost_core.configuration.lint.system import MAIN, MASTER, System
from rupost_core.i18n import translate as _

_NAMES = ("smtpd_milters", "non_smtpd_milters")
# postconf(5), smtpd_milters: unix:pathname, inet:host:port; Sendmail's local: and inet6: are taken too.
_ADDRESS = re.compile(r"(?:unix|local):/?\S+|inet6?:(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    del facts
    for name in _NAMES:
        if name in system.main:
            yield from _filters(system.main.value(name), MAIN, system.main.line(name))
    for service in system.services:
        for override in service.overrides:
            if override.name in _NAMES:
                yield from _filters(system.setting(service, override.name), MASTER, override.line)


def _filters(value: str, file: str, line: int | None) -> Iterator[Finding]:
    for item in split_list(value):
        address = split_list(item)[0] if item else ""
        if not _ADDRESS.fullmatch(address):
            reason = _("“{raw}” is not a socket such as inet:127.0.0.1:11332 or unix:/run/filter.sock", raw=address)
            yield error("milter_address", "postfix", file, line, reason)
