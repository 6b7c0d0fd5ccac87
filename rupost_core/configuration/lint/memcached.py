"""memcached: options that exist, with values of their form; open to the network only on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rupost_core.configuration.lint.listeners import is_loopback, normal
from rupost_core.configuration.lint.model import Finding, HostFacts, error, warning
from rupost_core.configuration.lint.system import MEMCACHED, System
from rupost_core.i18n import translate as _

# memcached(1) 1.4 to 1.6: option → the form of its value.
_NUMBER, _TEXT, _SWITCH = r"\d+", r".+", r""
_OPTIONS = {
    "-p": _NUMBER, "-U": _NUMBER, "-s": r"/.+", "-a": r"0?[0-7]{3}", "-l": _TEXT, "-u": r"[a-z_][a-z0-9_-]*",
    "-m": _NUMBER, "-M": _SWITCH, "-c": _NUMBER, "-k": _SWITCH, "-v": _SWITCH, "-P": r"/.+", "-f": r"\d+(?:\.\d+)?",
    "-n": _NUMBER, "-L": _SWITCH, "-D": _TEXT, "-t": _NUMBER, "-R": _NUMBER, "-C": _SWITCH, "-b": _NUMBER,
    "-B": r"auto|ascii|binary", "-I": r"\d+[kKmM]?", "-S": _SWITCH, "-F": _SWITCH, "-X": _SWITCH, "-r": _SWITCH,
    "-o": _TEXT, "-A": _SWITCH, "-W": _SWITCH, "-Y": r"/.+", "-Z": _SWITCH, "-e": _TEXT, "-V": _SWITCH, "-i": _SWITCH,
}  # fmt: skip


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    for option in system.memcached:
        if option.name.startswith("--"):
            continue  # long names take any value here; memcached itself refuses wrong ones when it is tried
        form = _OPTIONS.get(option.name)
        if form is None:
            reason = _("memcached has no option {name}", name=option.name)
            yield error("unknown_option", "memcached", MEMCACHED, option.line, reason)
        elif not re.fullmatch(form, option.value):
            reason = _("{name}: “{value}” does not have the right form", name=option.name, value=option.value)
            yield error("wrong_value", "memcached", MEMCACHED, option.line, reason)
    if not system.has(MEMCACHED) or "-s" in system.memcached:
        return
    hosts = system.memcached.get("-l").split(",")
    if not all(is_loopback(host) for host in hosts):
        reason = _("memcached asks nobody for a password, and the network reaches it")
        line = system.memcached.line("-l")
        if any(normal(host) in ("", "::") for host in hosts):
            yield error("memcached_open", "memcached", MEMCACHED, line, reason)
        else:
            yield warning("memcached_open", "memcached", MEMCACHED, line, reason)
