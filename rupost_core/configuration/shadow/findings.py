"""From what went wrong in a shadow to problems: whose fault it is by its own words, and where in the staged files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rupost_core.components.model import Problem
from rupost_core.configuration.shadow.explain import Line, complaints, line_of, place_of
from rupost_core.configuration.shadow.logs import Log
from rupost_core.configuration.shadow.model import ShadowPlan, Target
from rupost_core.configuration.shadow.probes import Probe
from rupost_core.i18n import translate as _

_MAIN_FILES = {
    "postfix": "postfix/main.cf",
    "dovecot": "dovecot/dovecot.conf",
    "nginx": "nginx/nginx.conf",
    "haproxy": "haproxy/haproxy.cfg",
    "sogo": "sogo/sogo.conf",
    "memcached": "memcached/memcached.conf",
}


class Findings:
    def __init__(self, plan: ShadowPlan, log: Log) -> None:
        self._live = plan.live
        self._log = log

    def not_started(self, missing: Iterable[Target], dead: Iterable[tuple[str, int]]) -> list[Problem]:
        """Problems of daemons that ended, or else of places where nobody listens."""
        lines, files = self._log.lines(), self._files()
        found = []
        for component, code in dead:
            said = complaints(lines, component)
            file, line = self._place(said, files, component)
            reason = _("does not start (exit code {code})", code=code)
            found.append(Problem(component, file, line, _joined(reason, said)))
        if found:
            return found
        silent = []
        for target in missing:
            reason = _("nothing listens on {address}:{port}", address=target.address, port=target.port)
            silent.append(Problem(target.component, target.file, target.line or None, reason))
        # The daemon that should have listened may have told why not.
        for component in _MAIN_FILES if silent else ():
            said = [text for text in complaints(lines, component) if "rror" in text or "atal" in text]
            if said:
                file, line = self._place(said, files, component)
                found.append(Problem(component, file, line, said[-1]))
        return silent + found

    def failed(self, failures: Iterable[tuple[Probe, str]]) -> list[Problem]:
        """One problem a cause: probes that fail for the same told reason stand together."""
        lines, files = self._log.lines(), self._files()
        grouped: dict[tuple[str, str, int | None, str], list[str]] = {}
        for probe, reason in failures:
            component, said = self._culprit(probe, reason, lines)
            file, line = self._place([*said, reason], files, component, probe.patterns)
            grouped.setdefault((component, file, line, " | ".join(said)), []).append(f"{probe.subject}: {reason}")
        return [
            Problem(
                component, file, line, _joined("; ".join(reasons), [said] if said and said not in reasons[0] else [])
            )
            for (component, file, line, said), reasons in grouped.items()
        ]

    def _culprit(self, probe: Probe, reason: str, lines: list[Line]) -> tuple[str, list[str]]:
        """The first suspect that complained."""
        for component in probe.suspects:
            said = complaints(lines, component)
            if said:
                return component, said[-1:] if reason in said else said
        return probe.suspects[0], []

    def _place(
        self, said: list[str], files: dict[str, str], component: str, patterns: tuple[str, ...] = ()
    ) -> tuple[str, int | None]:
        for text in said:
            place = place_of(text, files, component, self._live)
            if place:
                return place
        main = _MAIN_FILES.get(component, component)
        return main, line_of(files, main, patterns)

    def _files(self) -> dict[str, str]:
        """The staged files, as they are seen here."""
        top = Path(self._live).resolve()
        return {
            str(path.relative_to(top)): path.read_text(encoding="utf-8", errors="replace")
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }


def _joined(reason: str, said: list[str]) -> str:
    return f"{reason}: {' | '.join(said)}" if said else reason
