"""Postfix: `postconf` (its warnings as errors), `postfix check`, services' programs, and a question to every table.

`postfix check` alone lets an unknown parameter and a map that cannot log in pass, and writes what it finds only to a
terminal; so it is given one.
"""

from __future__ import annotations

import os
import re
import shlex

from rupost_core.components.model import Problem, StagedView
from rupost_core.components.postfix_tables import service_problems, table_problems
from rupost_core.i18n import translate as _

_PLACE = re.compile(r"(?P<file>/[^\s,:]+)(?:,|:)? line (?P<line>\d+):? ")
_PREFIX = re.compile(r"^(?:/\S+/)?post[\w/-]+(?:\[\d+\])?: ")
_SEVERITY = re.compile(r"^(?:warning|error|fatal|panic): ")
_WORD = re.compile(r"[a-z][a-z0-9_]{3,}")
# What Postfix opens only when it first connects: folders of trusted authorities, files of DH parameters.
_OPENED_LATE = re.compile(r"^(?P<name>\w+_tls_CApath|smtpd_tls_dh\w+_param_file) = (?P<path>/\S+)$", re.MULTILINE)
# What Postfix says of folders without naming the setting.
_FOLDERS_MISSING, _FOLDERS = "missing queue directories", ("data_directory", "queue_directory")
# An addition by the administrator may well set again what stands above it.
_HARMLESS = "overriding earlier entry"


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
        asked = [view.run(["/usr/sbin/postconf", "-c", directory, option]) for option in ("-nx", "-Px", "-M")]
        check = shlex.join(["/usr/sbin/postfix", "-c", str(directory), "check"])
        asked.append(view.run(["/usr/bin/script", "-qec", check, "/dev/null"]))
        texts = [done.stderr for done in asked[:-1]] + [asked[-1].output]
        problems = self._problems(view, texts)
        failed = [done.output for done in asked if done.exit_code != 0]
        if failed and not problems:
            problems = [Problem(self.name, self.main_file, None, failed[0][-500:] or _("Postfix refuses it"))]
        if problems:
            return problems
        settings, overrides, services = (done.stdout for done in asked[:3])
        problems = [*self._opened_late(view, settings), *service_problems(view, services)]
        return problems + table_problems(view, settings, overrides)

    def _opened_late(self, view: StagedView, settings: str) -> list[Problem]:
        problems = []
        for setting in _OPENED_LATE.finditer(settings):
            path, is_folder = view.real(setting["path"]), setting["name"].endswith("path")
            if not (path.is_dir() if is_folder else path.is_file()):
                reason = (
                    _("there is no folder {path}", path=setting["path"])
                    if is_folder
                    else _("there is no file {path}", path=setting["path"])
                )
                line = view.line_of(self.main_file, rf"^{setting['name']}\s*=")
                problems.append(Problem(self.name, self.main_file, line, reason))
        return problems

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
        named = re.match(r"(?:[a-z]+:)*(/\S+?): ", said)
        if named:
            file, said = view.relative(named[1]), said[named.end() :]
        written = re.search(r": (/\S+)$", said)
        if written and view.relative(os.path.normpath(written[1])) != written[1]:
            file = view.relative(os.path.normpath(written[1]))
        words = [*_WORD.findall(said), *(_FOLDERS if _FOLDERS_MISSING in said else ())]
        lines = [view.line_of(file, rf"^\s*(?:-o )?{word}\s*=") for word in words]
        lines += [view.line_of(file, rf"^.*{re.escape(path)}") for path in re.findall(r'"(/[^"]+)"', said)]
        return Problem(self.name, file, next(filter(None, lines), None), said)
