"""What mail programs are told to connect to is what is served: the ports in the XML files, and the host's name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rupost_core.configuration.lint.listeners import Listener
from rupost_core.configuration.lint.model import Finding, HostFacts, error
from rupost_core.configuration.lint.system import MAIN, System
from rupost_core.i18n import translate as _

_PORT = re.compile(r"<port>\s*([^<]*?)\s*</port>", re.IGNORECASE)
_HOST = re.compile(r"<(hostname|Server)>\s*([^<]*?)\s*</\1>")


def findings(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    served = {listener.port for listener in listeners if listener.component == "haproxy"}
    # A generation without HAProxy is served by something that is not known here.
    names = {system.main.value("myhostname"), *facts.mail_hosts} - {""}
    for path, file in system.files.items():
        if not path.endswith(".xml") or file.component != "nginx":
            continue
        for number, line in enumerate(file.content.split("\n"), 1):
            for match in _PORT.finditer(line):
                if served and not (match[1].isdigit() and int(match[1]) in served):
                    reason = _("mail programs are sent to port {port}, which HAProxy does not serve", port=match[1])
                    yield error("autoconfiguration", "nginx", path, number, reason)
            for match in _HOST.finditer(line):
                if system.has(MAIN) and names and match[2] not in names:
                    reason = _("mail programs are sent to {host}, not to {names}", host=match[2],
                               names=", ".join(sorted(names)))  # fmt: skip
                    yield error("autoconfiguration", "nginx", path, number, reason)
