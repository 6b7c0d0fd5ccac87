"""Memcached has no checker: it is started for a moment with the same options on a socket of its own."""

from __future__ import annotations

import shlex

from rupost_core.components.model import Problem, StagedView

_TRIAL_SECONDS = "0.3"
_TRIAL_SOCKET = "/run/memcached/rupost-trial"
# `timeout -s KILL` had to kill it, and so ends itself: it was still running, so it had started.
_STILL_RUNNING = -9
# Options that would clash with the running daemon: the address, the port, going to the background, the pid file.
_LEFT_OUT = frozenset({"-l", "-p", "-U", "-P", "-u"})


class Memcached:
    name = "memcached"
    unit = "memcached.service"
    boot_unit = "memcached.service"
    main_file = "memcached/memcached.conf"
    package = "memcached"

    def trouble_after_reload(self, since: float) -> str:
        return ""

    def check(self, view: StagedView) -> list[Problem]:
        text = (view.staged / self.main_file).read_text(encoding="utf-8")
        options: list[str] = []
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] not in _LEFT_OUT and words[0] not in ("-d", "logfile"):
                options += words
        done = view.run(
            ["/usr/bin/timeout", "-s", "KILL", _TRIAL_SECONDS, "/usr/bin/memcached", "-u", "memcache",
             "-s", _TRIAL_SOCKET, *options]
        )  # fmt: skip
        if done.exit_code == _STILL_RUNNING:
            return []
        return [Problem(self.name, self.main_file, None, " ".join(done.output.split())[-300:] or "it does not start")]
