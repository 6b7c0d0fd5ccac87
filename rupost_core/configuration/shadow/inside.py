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
from typing import Any

from rupost_core.components.model import Problem
from rupost_core.configuration.shadow import (
    daemons,
    probes_inner,
    probes_mail,
    probes_web,
    root,
)
from rupost_core.configuration.shadow.findings import Findings
from rupost_core.configuration.shadow.logs import Log
from rupost_core.configuration.shadow.model import ShadowPlan, Target, client_address
from rupost_core.configuration.shadow.probes import Probe, World
from rupost_core.configuration.shadow.talk import Late, Unexpected
from rupost_core.host.addresses import add_to_loopback, bring_loopback_up
from rupost_core.i18n import translate as _

PROBES = (
    Probe("imap-sign-in", probes_mail.imap_sign_in, ("dovecot", "nginx", "haproxy")),
    Probe("submission-sign-in", probes_mail.submission_sign_in, ("dovecot", "postfix", "nginx", "haproxy")),
    Probe("delivery", probes_mail.delivery, ("postfix", "dovecot", "nginx", "haproxy"), (r"^virtual_transport",)),
    Probe("smtp", probes_mail.smtp, ("postfix", "nginx", "haproxy"), (r"^smtpd_tls_security_level",)),
    Probe("no-relay", probes_mail.no_relay, ("postfix", "nginx", "haproxy"), (r"^mynetworks", r"^smtpd_relay_")),
    Probe("unknown-recipient", probes_mail.unknown_recipient, ("postfix", "nginx", "haproxy"),
          (r"^virtual_mailbox_maps", r"^virtual_alias_maps")),
    Probe("submission", probes_mail.submission, ("postfix", "nginx", "haproxy")),
    Probe("imap", probes_mail.imap, ("dovecot", "nginx", "haproxy")),
    Probe("sieve-starttls", probes_mail.sieve_starttls, ("dovecot", "nginx", "haproxy")),
    Probe("sieve-tls", probes_mail.sieve_tls, ("dovecot", "nginx", "haproxy")),
    Probe("health", probes_mail.health, ("postfix",)),
    Probe("sogo-backends", probes_mail.sogo_backends, ("postfix", "dovecot", "sogo")),
    Probe("sogo-page", probes_web.sogo_page, ("sogo", "nginx", "haproxy"), (r"SOGoPageTitle",)),
    Probe("sogo-sign-in", probes_web.sogo_sign_in, ("sogo", "nginx", "haproxy"), (r"bindPassword", r"SOGoUserSources")),
    Probe("http", probes_web.http, ("nginx", "haproxy")),
    Probe("https", probes_web.health, ("nginx", "haproxy")),
    Probe("autoconfiguration", probes_web.autoconfiguration, ("nginx", "haproxy")),
    Probe("autodiscover", probes_web.autodiscover, ("nginx", "haproxy")),
    Probe("people", probes_inner.people_found, ("dovecot",), (r"^\s*passdb",)),
    Probe("memcached", probes_inner.memcached, ("memcached",), (r"^-p", r"^-l")),
    Probe("haproxy-servers", probes_inner.haproxy_servers, ("haproxy", "nginx", "postfix", "dovecot", "sogo")),
)  # fmt: skip
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
        _tell("namespaces", started, [Problem("shadow", "", None, reason)])
        return 1
    _tell("namespaces", started, [])
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
        _tell("start", started, problems)
        if not problems:
            started = time.monotonic()
            problems = self._ask()
            _tell("probes", started, problems)
        memory = daemons.proportional_memory() if self._plan.measure else 0.0
        _write({"ended": True, "memory": memory})
        return 1 if problems else 0

    def _start(self) -> list[Problem]:
        self._daemons += daemons.start_backends(self._plan, self._log)
        missing, dead = daemons.wait_until_listening(self._plan.targets, self._daemons, self._plan.deadline)
        if missing or dead:
            return self._findings.not_started(missing, dead)
        self._daemons += daemons.start_haproxy(self._plan, self._log)
        public = [Target(self._plan.node_address, port, "haproxy", "haproxy/haproxy.cfg", 0) for port in _PUBLIC]
        missing, dead = daemons.wait_until_listening(public, self._daemons, self._plan.deadline)
        return self._findings.not_started(missing, dead)

    def _ask(self) -> list[Problem]:
        world = World(self._plan, self._log)
        failures: dict[str, str] = {}
        threads = [threading.Thread(target=_put, args=(probe, world, failures), daemon=True) for probe in PROBES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(self._plan.deadline - time.monotonic(), 0.05))
        failed = [(probe, failures[probe.subject]) for probe in PROBES if probe.subject in failures]
        failed += [(p, str(Late())) for p, t in zip(PROBES, threads, strict=True) if t.is_alive()]
        return self._findings.failed(failed) + self._findings.not_started([], daemons.ended(self._daemons))


def _put(probe: Probe, world: World, failures: dict[str, str]) -> None:
    started = time.monotonic()
    try:
        probe.ask(world)
    except Unexpected as error:
        failures[probe.subject] = str(error)
    except Exception as error:  # a probe that breaks is a probe that did not pass
        failures[probe.subject] = f"{type(error).__name__}: {error}"
    if probe.subject not in failures:
        _tell(probe.subject, started, [])


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
