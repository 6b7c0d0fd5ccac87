"""Connections and memory against what the host allows.

What a worker of SOGo needs (facts: 38 MB resident when idle) is taken as 45 MB; its SxVMemLimit is a cap, not a need.
"""

from __future__ import annotations

from collections.abc import Iterator

from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import HAPROXY, MEMCACHED, SOGO, System
from rupost_core.i18n import translate as _

MB = 1024 * 1024
_SOGO_WORKER = 45 * MB
_HAPROXY_CONNECTION = 34 * 1024  # two buffers of 16 KiB and the session
_BESIDES = 300 * MB  # facts, section 8: everything else, nearly idle
_HAPROXY_OWN_FILES = 100


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    if facts.open_files:
        yield from _files(system, facts.open_files)
    if facts.memory_bytes:
        yield from _memory(system, facts.memory_bytes)


def _files(system: System, limit: int) -> Iterator[Finding]:
    maxconn, line = _haproxy_maxconn(system)
    needed = maxconn * 2 + _HAPROXY_OWN_FILES
    if maxconn and needed > limit:
        reason = _("maxconn {maxconn} needs {needed} open files; this host allows {limit}",
                   maxconn=maxconn, needed=needed, limit=limit)  # fmt: skip
        yield error("open_files", "haproxy", HAPROXY, line, reason)
    for events in system.nginx.every("events"):
        connections = events.first("worker_connections")
        if connections and connections.value.isdigit() and int(connections.value) > limit:
            reason = _("worker_connections is more than the {limit} open files that this host allows", limit=limit)
            yield warning("open_files", "nginx", connections.file, connections.line, reason)
    wanted = system.memcached.get("-c", "1024")
    if system.has(MEMCACHED) and wanted.isdigit() and int(wanted) > limit:
        reason = _(
            "-c {wanted} is more than the {limit} open files that this host allows", wanted=wanted, limit=limit
        )
        yield error("open_files", "memcached", MEMCACHED, system.memcached.line("-c"), reason)


def _haproxy_maxconn(system: System) -> tuple[int, int | None]:
    for section in system.haproxy:
        line = section.first("maxconn") if section.kind == "global" else None
        if line and len(line.words) > 1 and line.words[1].isdigit():
            return int(line.words[1]), line.line
    return 0, None


def _memory(system: System, memory: int) -> Iterator[Finding]:
    cached = system.memcached.get("-m", "64") if system.has(MEMCACHED) else "0"
    cache = int(cached) * MB if cached.isdigit() else 0
    workers_text = system.sogo.text("WOWorkersCount") if system.sogo else ""
    workers = int(workers_text) if workers_text.isdigit() else 0
    need = cache + workers * _SOGO_WORKER + _BESIDES
    # The place of the larger of the two.
    component, file, line = "memcached", MEMCACHED, system.memcached.line("-m")
    if workers * _SOGO_WORKER > cache and system.sogo:
        component, file, line = "sogo", SOGO, system.sogo.line_of("WOWorkersCount")
    shown = {"need": need // MB, "memory": memory // MB, "workers": workers}
    if cache + workers * _SOGO_WORKER > memory:
        reason = _("memcached and {workers} workers of SOGo need about {need} MB; this host has {memory} MB", **shown)
        yield error("memory", component, file, line, reason)
    elif need + _haproxy_maxconn(system)[0] * _HAPROXY_CONNECTION > memory:
        reason = _("under load the daemons may need more than the {memory} MB of this host", **shown)
        yield warning("memory", component, file, line, reason)
