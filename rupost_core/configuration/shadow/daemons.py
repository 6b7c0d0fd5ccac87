"""Starting the staged daemons, as their units do, and knowing when they listen."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rupost_core.configuration.shadow.logs import Log
from rupost_core.configuration.shadow.model import ShadowPlan, Target
from rupost_core.host.commands import Running, start

_PAUSE_SECONDS = 0.01
# Beyond this moment of its start, a daemon that does not listen where others send to will not do so any more.
SETTLED_SECONDS = 2.5
_LISTENING = "0A"
_ANY = "0.0.0.0"  # noqa: S104 - read in /proc/net/tcp
# Daemons write nothing to the database in a trial.
_READ_ONLY = {"PGOPTIONS": "-c default_transaction_read_only=on"}
# HAProxy asks its servers for the first time at once, not spread over the interval; the staged file stays as it is.
_HASTE = Path("/run/haproxy/haste.cfg")


@dataclass(frozen=True)
class Daemon:
    """`stays` is false for a program that leaves its daemons behind and ends itself."""

    component: str
    running: Running
    stays: bool


def start_backends(plan: ShadowPlan, log: Log) -> list[Daemon]:
    """All but HAProxy, at once."""
    live = Path(plan.live)
    daemons = []

    def begin(component: str, *words: object, stays: bool = True, user: str | None = None,
              environment: dict[str, str] | None = None) -> None:  # fmt: skip
        if component in plan.components:
            running = start([str(word) for word in words], output=log.output_of(component), user=user,
                            environment=environment)  # fmt: skip
            daemons.append(Daemon(component, running, stays))

    begin("postfix", "/usr/sbin/postfix", "-c", live / "postfix", "start", stays=False)
    begin("sogo", "/usr/sbin/sogod", "-WONoDetach", "YES", "-WOWorkersCount", "1", "-WOPidFile", "/run/sogo/sogo.pid",
          "-WOLogFile", "-", user="sogo", environment=_READ_ONLY | environment_of(live / "sogo/environment"))  # fmt: skip
    begin("dovecot", "/usr/sbin/dovecot", "-F", "-c", live / "dovecot/dovecot.conf")
    begin("nginx", "/usr/sbin/nginx", "-c", live / "nginx/nginx.conf", "-g", "daemon off;")
    begin("memcached", "/usr/share/memcached/scripts/systemd-memcached-wrapper", live / "memcached/memcached.conf")
    return daemons


def start_haproxy(plan: ShadowPlan, log: Log) -> list[Daemon]:
    if "haproxy" not in plan.components:
        return []
    _HASTE.write_text("global\n    max-spread-checks 50ms\n", encoding="ascii")
    words = ["/usr/sbin/haproxy", "-W", "-db", "-f", f"{plan.live}/haproxy/haproxy.cfg", "-f", str(_HASTE),
             "-p", "/run/haproxy.pid", "-S", "/run/haproxy-master.sock"]  # fmt: skip
    return [Daemon("haproxy", start(words, output=log.output_of("haproxy")), True)]


def environment_of(file: Path) -> dict[str, str]:
    """The variables of a systemd EnvironmentFile; none when there is no such file."""
    if not file.exists():
        return {}
    words = shlex.split(file.read_text(encoding="utf-8"), comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)


def ended(daemons: Iterable[Daemon]) -> list[tuple[str, int]]:
    """(component, exit code) of each that should still run, or that ended badly."""
    found = []
    for daemon in daemons:
        code = daemon.running.exit_code()
        if code is not None and (daemon.stays or code != 0):
            found.append((daemon.component, code))
    return found


def wait_until_listening(
    targets: Iterable[Target], daemons: list[Daemon], deadline: float
) -> tuple[list[Target], list[tuple[str, int]]]:
    """Targets that nobody listens at in the end, and daemons that ended; whichever comes first."""
    missing = list(targets)
    until = min(deadline, time.monotonic() + SETTLED_SECONDS)
    while True:
        heard = _listening()
        missing = [t for t in missing if (t.address, t.port) not in heard and (_ANY, t.port) not in heard]
        dead = ended(daemons)
        if not missing or dead or time.monotonic() > until:
            return missing, dead
        time.sleep(_PAUSE_SECONDS)


def _listening() -> set[tuple[str, int]]:
    """(address, port) of every listener in this network namespace; one on [::] counts for 0.0.0.0 too."""
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net", table)
        if not path.exists():
            continue
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            _number, local, _remote, state = line.split()[:4]
            if state != _LISTENING:
                continue
            address, _colon, port = local.partition(":")
            octets = bytes.fromhex(address)[::-1][:4]
            found.add((".".join(map(str, octets)) if table == "tcp" else _ANY, int(port, 16)))
    return found


def proportional_memory() -> float:
    """PSS of all processes of this process namespace, in bytes."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            text = path.read_text(encoding="ascii")
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total * 1024.0
