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

_PAUSE_SECONDS = 0.02
# When no process has had anything to do for so long, whoever does not listen yet will not do so any more.
_QUIET_SECONDS = 0.5
_AT_WORK = ("R", "D")
_LISTENING = "0A"
_ANY = "0.0.0.0"  # noqa: S104 - read in /proc/net/tcp
# Daemons write nothing to the database in a trial.
_READ_ONLY = {"PGOPTIONS": "-c default_transaction_read_only=on"}
# HAProxy asks its servers for the first time at once, not spread over the interval; the staged file stays as it is.
_HASTE = Path("/run/haproxy/haste.cfg")


@dataclass(frozen=True)
class Daemon:
    component: str
    running: Running


def start_backends(plan: ShadowPlan, log: Log) -> list[Daemon]:
    """All but HAProxy, at once."""
    live = Path(plan.live)
    daemons = []

    def begin(component: str, *words: object, user: str | None = None,
              environment: dict[str, str] | None = None) -> None:  # fmt: skip
        if component in plan.components:
            running = start([str(word) for word in words], output=log.output_of(component), user=user,
                            environment=environment)  # fmt: skip
            daemons.append(Daemon(component, running))

    # `postfix start` does the same after `postfix check`, which is the second wall's and takes seconds at worst.
    begin("postfix", "/usr/lib/postfix/sbin/master", "-c", live / "postfix", "-d")
    begin("sogo", "/usr/sbin/sogod", "-WONoDetach", "YES", "-WOWorkersCount", "1", "-WOPidFile",
          "/run/sogo/sogo.pid", "-WOLogFile", "-", user="sogo", environment=sogo_environment(live))  # fmt: skip
    begin("dovecot", "/usr/sbin/dovecot", "-F", "-c", live / "dovecot/dovecot.conf")
    begin("nginx", "/usr/sbin/nginx", "-c", live / "nginx/nginx.conf", "-g", "daemon off;")
    begin("memcached", "/usr/share/memcached/scripts/systemd-memcached-wrapper", live / "memcached/memcached.conf")
    return daemons


def start_haproxy(plan: ShadowPlan, log: Log) -> list[Daemon]:
    _HASTE.write_text("global\n    max-spread-checks 50ms\n", encoding="ascii")
    words = ["/usr/sbin/haproxy", "-W", "-db", "-f", f"{plan.live}/haproxy/haproxy.cfg", "-f", str(_HASTE),
             "-p", "/run/haproxy.pid", "-S", "/run/haproxy-master.sock"]  # fmt: skip
    return [Daemon("haproxy", start(words, output=log.output_of("haproxy")))]


def sogo_environment(live: Path) -> dict[str, str]:
    return _READ_ONLY | environment_of(live / "sogo/environment")


def environment_of(file: Path) -> dict[str, str]:
    """The variables of a systemd EnvironmentFile; none when there is no such file."""
    if not file.exists():
        return {}
    words = shlex.split(file.read_text(encoding="utf-8"), comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)


def ended(daemons: Iterable[Daemon]) -> list[tuple[str, int]]:
    """(component, exit code) of each that does not run any more."""
    codes = [(daemon.component, daemon.running.exit_code()) for daemon in daemons]
    return [(component, code) for component, code in codes if code is not None]


def wait_until_listening(
    targets: Iterable[Target], daemons: list[Daemon], deadline: float
) -> tuple[list[Target], list[tuple[str, int]]]:
    """Targets that nobody listens at in the end, and daemons that ended; whichever comes first.

    The end is when all have been found, or when no process has anything to do any more, or the deadline.
    """
    missing = list(targets)
    busy = time.monotonic()
    while True:
        heard = _listening()
        missing = [t for t in missing if (t.address, t.port) not in heard and (_ANY, t.port) not in heard]
        dead = ended(daemons)
        now = time.monotonic()
        if _somebody_works():
            busy = now
        if not missing or dead or now > busy + _QUIET_SECONDS or now > deadline:
            return missing, dead
        time.sleep(_PAUSE_SECONDS)


def _somebody_works() -> bool:
    """Whether a process other than this one runs, waits for a processor, or waits for a disk (proc(5))."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state = path.read_text(encoding="ascii", errors="replace").rpartition(") ")[2][:1]
        except OSError:  # it has just ended
            continue
        if state in _AT_WORK and path.parent.name != "1":
            return True
    return False


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
