"""Process 1 of the shadow: makes its world, starts the daemons, asks, tells, and ends, which ends all the rest.

Each line of its output is a JSON object: what was looked at, in how many seconds, with which problems. The last one
says that it came to the end: {"ended": true, "memory": PSS in bytes}.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from rupost_core.components.model import Problem
from rupost_core.configuration.shadow import daemons, root
from rupost_core.configuration.shadow.findings import Findings
from rupost_core.configuration.shadow.logs import Log
from rupost_core.configuration.shadow.model import ShadowPlan, Target, client_address
from rupost_core.configuration.shadow.probes import Probe, World
from rupost_core.configuration.shadow.questions import PROBES, ask_all
from rupost_core.host.addresses import add_to_loopback, bring_loopback_up
from rupost_core.i18n import translate as _

# What has to be left for the steps after one.
_BEFORE_HAPROXY_SECONDS = 1.8
_BEFORE_PROBES_SECONDS = 1.3
_PUBLIC = (25, 80, 443, 465, 993, 4190)


def main() -> int:
    channel = socket.socket(fileno=int(sys.argv[1]))
    plan = ShadowPlan.from_json(channel.makefile("r", encoding="utf-8").readline())
    started = time.monotonic()
    try:
        root.enter(plan)
        _connect(plan, channel)
    except OSError as error:
        reason = _("a world of its own could not be made for it: {reason}", reason=error)
        _tell(_("world of its own"), started, [Problem("shadow", "", None, reason)])
        return 1
    _tell(_("world of its own"), started, [])
    return Shadow(plan).run()


class Shadow:
    """The daemons and what is found out about them."""

    def __init__(self, plan: ShadowPlan) -> None:
        self._plan = plan
        self._log = Log()
        self._findings = Findings(plan, self._log)
        self._daemons: list[daemons.Daemon] = []

    def run(self) -> int:
        started = time.monotonic()
        problems = self._start()
        _tell(_("all daemons"), started, problems)
        if not problems:
            started = time.monotonic()
            problems = self._ask()
            _tell(_("answers"), started, problems)
        memory = daemons.proportional_memory() if self._plan.measure else 0.0
        _write({"ended": True, "memory": memory})
        return 1 if problems else 0

    def _start(self) -> list[Problem]:
        self._daemons += daemons.start_backends(self._plan, self._log)
        problems = self._wait(self._plan.targets, _BEFORE_HAPROXY_SECONDS)
        if problems:
            return problems
        if "haproxy" not in self._plan.components:
            return []
        self._daemons += daemons.start_haproxy(self._plan, self._log)
        return self._wait(
            [Target(self._plan.node_address, port, "haproxy", "haproxy/haproxy.cfg", 0) for port in _PUBLIC],
            _BEFORE_PROBES_SECONDS,
        )

    def _wait(self, targets: Sequence[Target], left_for_others: float) -> list[Problem]:
        missing, dead = daemons.wait_until_listening(targets, self._daemons, self._plan.deadline - left_for_others)
        return self._findings.not_started(missing, dead)

    def _ask(self) -> list[Problem]:
        def passed(probe: Probe, seconds: float) -> None:
            _write({"subject": _(probe.title), "seconds": seconds, "problems": []})

        failed = ask_all(World(self._plan, self._log), passed)
        return self._findings.failed(failed) + self._findings.not_started([], daemons.ended(self._daemons))


def _connect(plan: ShadowPlan, channel: socket.socket) -> None:
    """The shadow's network: the node's addresses and those of the outside services, all on the loopback."""
    bring_loopback_up()
    clients = [client_address(number) for number in range(len(PROBES) + 1)]
    for address in {*plan.addresses, *(relay.address for relay in plan.relays), *clients}:
        if not address.startswith("127.") and address != "::1" and not address.startswith("fe80:"):
            add_to_loopback(address)
    listeners = []
    for relay in plan.relays:
        family = socket.AF_INET6 if ":" in relay.address else socket.AF_INET
        listeners.append(socket.create_server((relay.address, relay.port), family=family, backlog=64))
    socket.send_fds(channel, [b"."], [listener.fileno() for listener in listeners])


def _tell(subject: str, started: float, problems: list[Problem]) -> None:
    found = [{"component": p.component, "file": p.file, "line": p.line, "reason": p.reason} for p in problems]
    _write({"subject": subject, "seconds": time.monotonic() - started, "problems": found})


_writing = threading.Lock()


def _write(data: dict[str, Any]) -> None:
    with _writing:
        sys.stdout.write(json.dumps(data) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
