"""Memcached has no checker: it is started for a moment with the same options on a socket of its own.

What is left out of the trial (where it listens, as whom it runs) is looked at here. Debian's wrapper drops a line
that does not begin with `-` without a word, and gives the rest to a shell.
"""

from __future__ import annotations

import pwd
import re
import shlex
import socket

from rupost_core.components.model import Problem, StagedView
from rupost_core.i18n import translate as _

_TRIAL_SECONDS = "0.3"
_TRIAL_SOCKET = "/run/memcached/rupost-trial"
# `timeout -s KILL` had to kill it, and so ends itself: it was still running, so it had started.
_STILL_RUNNING = -9
# Options that would clash with the running daemon: the address, the port, the pid file; and the account.
_LEFT_OUT = frozenset({"-l", "-p", "-U", "-P", "-u"})
_SHELL = re.compile(r"[;&|<>$`()*?~!{}\[\]]")


class Memcached:
    name = "memcached"
    unit = "memcached.service"
    boot_unit = "memcached.service"
    main_file = "memcached/memcached.conf"
    package = "memcached"

    def trouble_after_reload(self, since: float) -> str:
        return ""

    def check(self, view: StagedView) -> list[Problem]:
        problems: list[Problem] = []
        options: list[str] = []
        lines: dict[str, int] = {}
        for number, line in enumerate(view.text(self.main_file).split("\n"), 1):
            try:
                words = shlex.split(line, comments=True)
            except ValueError as error:
                problems.append(self._problem(number, str(error)))
                continue
            if not words or words[0] in ("-d", "logfile"):
                continue
            reason = _trouble(words)
            if reason:
                problems.append(self._problem(number, reason))
            lines[words[0]] = number
            options += [] if words[0] in _LEFT_OUT else words
        if not lines:
            problems.append(self._problem(None, _("the file holds no settings")))
        elif "-l" not in lines:
            problems.append(self._problem(None, _("without -l it would serve everybody on every address")))
        return problems or self._try(view, options, lines)

    def _try(self, view: StagedView, options: list[str], lines: dict[str, int]) -> list[Problem]:
        done = view.run(
            ["/usr/bin/timeout", "-s", "KILL", _TRIAL_SECONDS, "/usr/bin/memcached", "-u", "memcache",
             "-s", _TRIAL_SOCKET, *options]
        )  # fmt: skip
        if done.exit_code == _STILL_RUNNING:
            return []
        said = " ".join(done.output.split())[:300] or _("it does not start")
        named = re.search(r"option (?:requires an argument )?-- '(\w)'", said)
        line = lines.get(f"-{named[1]}") if named else None
        return [self._problem(line, said)]

    def _problem(self, line: int | None, reason: str) -> Problem:
        return Problem(self.name, self.main_file, line, reason)


def _trouble(words: list[str]) -> str:
    """What is wrong with a line that the trial start leaves out or that never reaches Memcached, or ""."""
    option, arguments = words[0], words[1:]
    if not option.startswith("-"):
        return _("Debian's start script drops a line that does not begin with “-”")
    if _SHELL.search(" ".join(words)):
        return _("a character that means something to the shell")
    if option in _LEFT_OUT and len(arguments) != 1:
        return _("the option {option} needs one value", option=option)
    if option in ("-p", "-U") and not (arguments[0].isdigit() and int(arguments[0]) < 65536):
        return _("“{port}” is not a port", port=arguments[0])
    if option == "-u" and not _has_account(arguments[0]):
        return _("there is no account {name}", name=arguments[0])
    if option == "-l":
        return next(filter(None, map(_cannot_listen, arguments[0].split(","))), "")
    return ""


def _has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _cannot_listen(address: str) -> str:
    """Why this host cannot listen on the address (with or without `:port`), or ""."""
    host = address.rpartition(":")[0] if re.fullmatch(r"[^:]+:\d+", address) else address
    try:
        family, kind, protocol, _name, place = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.bind(place)
    except OSError as error:
        return f"{address}: {error.strerror or error}"
    return ""
