"""From what went wrong in a shadow to problems: whose fault it is by its own words, and where in the staged files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rupost_core.components.model import Problem
from rupost_core.configuration.shadow.explain import Line, complaints, gravity, line_of, place_of
from rupost_core.configuration.shadow.logs import Log
from rupost_core.configuration.shadow.model import ShadowPlan, Target
from rupost_core.configuration.shadow.probes import Probe
from rupost_core.configuration.shadow.talk import Unexpected
from rupost_core.i18n import translate as _

_LAST_WORDS = 2
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
            said = (
                complaints(lines, component)
                or [line.text for line in lines if line.component == component and line.severity < 0][-_LAST_WORDS:]
            )
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
            said = complaints([line for line in lines if gravity(line) == 0], component)
            if said:
                file, line = self._place(said, files, component)
                found.append(Problem(component, file, line, said[-1]))
        return silent + found

    def failed(self, failures: Iterable[tuple[Probe, Unexpected]]) -> list[Problem]:
        """One problem a cause: probes for whose failure the same complaint is found stand together."""
        lines, files = self._log.lines(), self._files()
        grouped: dict[tuple[str, str], list[tuple[Probe, Unexpected]]] = {}
        for probe, error in failures:
            component, said = (probe.suspects[0], []) if error.clear else self._culprit(probe, lines)
            if error.clue:
                component = next((c for c in probe.suspects if line_of(files, c, (error.clue,))), component)
            cause = " | ".join(said) or str(error)
            grouped.setdefault((component, cause), []).append((probe, error))
        found = []
        for (component, cause), together in grouped.items():
            texts = [cause, *(str(error) for _probe, error in together)]
            patterns = tuple(error.clue for _probe, error in together if error.clue)
            patterns += tuple(pattern for probe, _error in together for pattern in probe.patterns)
            file, line = self._place(texts, files, component, patterns)
            effects = "; ".join(f"{_(probe.title)}: {error}" for probe, error in together if str(error) not in cause)
            named = ", ".join(_(probe.title) for probe, _error in together)
            found.append(Problem(component, file, line, f"{effects}: {cause}" if effects else f"{named}: {cause}"))
        return found

    def _culprit(self, probe: Probe, lines: list[Line]) -> tuple[str, list[str]]:
        """The suspect with the gravest complaint, the likelier one of two."""
        ranked = []
        for place, component in enumerate(probe.suspects):
            ranks = [rank for line in lines if line.component == component and (rank := gravity(line)) is not None]
            if ranks:
                ranked.append((min(ranks), place, component))
        if not ranked:
            return probe.suspects[0], []
        component = min(ranked)[2]
        return component, complaints(lines, component)

    def _place(
        self, said: list[str], files: dict[str, str], component: str, patterns: tuple[str, ...] = ()
    ) -> tuple[str, int | None]:
        for text in said:
            place = place_of(text, files, component, self._live)
            if place:
                return place
        return line_of(files, component, patterns) or (_MAIN_FILES.get(component, component), None)

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
