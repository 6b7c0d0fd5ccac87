"""Postfix: `postconf` (its warnings as errors), `postfix check`, and a question to every PostgreSQL map.

`postfix check` alone lets an unknown parameter and a map that cannot log in pass, and writes what it finds only to a
terminal; so it is given one.
"""

from __future__ import annotations

import re
import shlex

from rupost_core.components.model import Problem, StagedView

_PLACE = re.compile(r"(?P<file>/[^\s,:]+)(?:,|:)? line (?P<line>\d+):? ")
_PREFIX = re.compile(r"^(?:/\S+/)?post[\w/-]+(?:\[\d+\])?: ")
_SEVERITY = re.compile(r"^(?:warning|error|fatal|panic): ")
_WORD = re.compile(r"[a-z][a-z0-9_]{3,}")
# An addition by the administrator may well set again what stands above it.
_HARMLESS = "overriding earlier entry"
_MAP = re.compile(r"pgsql:\$\{config_directory\}/(maps/[\w.-]+)")


class Postfix:
    name = "postfix"
    unit = "postfix@-.service"
    boot_unit = "postfix.service"
    main_file = "postfix/main.cf"
    package = "postfix"

    def trouble_after_reload(self, since: float) -> str:
        return ""

    def check(self, view: StagedView) -> list[Problem]:
        directory = view.live / "postfix"
        texts = [
            view.run(["/usr/sbin/postconf", "-c", directory, "-n"]).stderr,
            view.run(["/usr/sbin/postconf", "-c", directory, "-P"]).stderr,
        ]
        check = shlex.join(["/usr/sbin/postfix", "-c", str(directory), "check"])
        done = view.run(["/usr/bin/script", "-qec", check, "/dev/null"])
        texts.append(done.output)
        problems = self._problems(view, texts)
        if done.exit_code != 0 and not problems:
            problems = [Problem(self.name, self.main_file, None, done.output[-500:] or "postfix check failed")]
        return problems or self._ask_maps(view)

    def _problems(self, view: StagedView, texts: list[str]) -> list[Problem]:
        found: list[Problem] = []
        for line in "\n".join(texts).splitlines():
            said = _PREFIX.sub("", line.strip())
            if not _SEVERITY.match(said) or _HARMLESS in said:
                continue
            problem = self._problem(view, _SEVERITY.sub("", said))
            if problem not in found:
                found.append(problem)
        return found

    def _problem(self, view: StagedView, said: str) -> Problem:
        place = _PLACE.search(said)
        if place:
            return Problem(self.name, view.relative(place["file"]), int(place["line"]), said[place.end() :].strip())
        file = self.main_file
        named = re.match(r"(/\S+?): ", said)
        if named:
            file, said = view.relative(named[1]), said[named.end() :]
        lines = (view.line_of(file, rf"^\s*(?:-o )?{word}\s*=") for word in _WORD.findall(said))
        return Problem(self.name, file, next(filter(None, lines), None), said)

    def _ask_maps(self, view: StagedView) -> list[Problem]:
        """Each PostgreSQL map answers a question about an address that cannot exist; an error shows on stderr."""
        text = (view.staged / self.main_file).read_text(encoding="utf-8")
        problems = []
        for map_file in sorted(set(_MAP.findall(text))):
            path = view.live / "postfix" / map_file
            done = view.run(
                ["/usr/sbin/postmap", "-c", view.live / "postfix", "-q", "check@invalid", f"pgsql:{path}"]
            )
            if done.stderr.strip():
                reason = _SEVERITY.sub("", _PREFIX.sub("", done.stderr.strip().splitlines()[-1]))
                problems.append(Problem(self.name, f"postfix/{map_file}", None, reason))
        return problems
