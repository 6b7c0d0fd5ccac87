"""The third wall: the staged generation is started whole, beside the live one, and asked."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rupost_core.components.model import Problem
from rupost_core.configuration.shadow.endpoints import outside_services
from rupost_core.configuration.shadow.model import Person, ShadowPlan
from rupost_core.configuration.shadow.plan import plan
from rupost_core.configuration.shadow.reach import reach
from rupost_core.configuration.walls import Candidate, Notice, WallName
from rupost_core.errors import CommandFailed
from rupost_core.host.addresses import own_addresses
from rupost_core.host.commands import Finished, converse
from rupost_core.i18n import language
from rupost_core.i18n import translate as _

SECONDS = 6.0
# Of that, what systemd and the ending take.
_MARGIN_SECONDS = 0.5
# Processes that want a processor, for each of them; beyond, the machine is overloaded.
_USUAL_LOAD = 2.0
_MOST_STRETCHED = 3.0
_UNIT = "rupost-shadow"
_OUTSIDE = "rupost_core.configuration.shadow.outside"
_BUSY = "already loaded"
_BUSY_PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class Inhabitants:
    """Who lives in the cluster: `people` are some real mailboxes of each directory, `domains` all domains."""

    people: Sequence[Person]
    domains: Sequence[str]


class Shadow:
    """See `walls.Wall`. `node` is (name, address); `seconds` are for everything, also when it fails.

    On an overloaded machine they are stretched (`stretched`): a good configuration is not refused for being slow.
    """

    name: WallName = "shadow"
    after_others = True

    def __init__(
        self,
        node: tuple[str, str],
        inhabitants: Callable[[], Inhabitants],
        *,
        seconds: float = SECONDS,
        measure: bool = False,
    ) -> None:
        self._node = node
        self._inhabitants = inhabitants
        self._seconds = seconds
        self._measure = measure
        self.memory = 0.0

    def problems(self, candidate: Candidate, notice: Notice) -> list[Problem]:
        started = time.monotonic()
        seconds = stretched(self._seconds, os.getloadavg()[0], os.cpu_count() or 1)
        own = frozenset(own_addresses())
        reached, problems = reach(outside_services(candidate.files, own))
        notice(_("outside services"), time.monotonic() - started, problems)
        if problems:
            return problems
        inhabitants = self._inhabitants()
        intended = plan(
            candidate.files,
            live=str(candidate.view.live),
            staged=str(candidate.view.staged),
            node=self._node,
            own_addresses=own,
            reached=reached,
            people=inhabitants.people,
            domains=inhabitants.domains,
            deadline=started + seconds - _MARGIN_SECONDS,
            measure=self._measure,
        )
        return self._try(intended, notice)

    def _try(self, intended: ShadowPlan, notice: Notice) -> list[Problem]:
        found: list[Problem] = []
        ended = False

        def hear(line: str) -> None:
            nonlocal ended
            try:
                told = json.loads(line)
            except json.JSONDecodeError:
                return  # a program's complaint, which is kept with the output
            if told.get("ended"):
                ended, self.memory = True, told["memory"]
            else:
                problems = [Problem(**problem) for problem in told["problems"]]
                found.extend(problems)
                notice(told["subject"], told["seconds"], problems)

        try:
            finished = self._run(intended, hear)
        except CommandFailed as error:
            return [_impossible(error.message)]
        if not found and not ended:
            return [_impossible(" ".join(finished.output.split())[-400:] or _("it ended without a word"))]
        return found

    def _run(self, intended: ShadowPlan, hear: Callable[[str], None]) -> Finished:
        """The unit's name is the lock: while an earlier shadow is on its way out, this one waits."""
        longest = intended.deadline - time.monotonic() + _MARGIN_SECONDS + 2
        words = [
            "systemd-run", "--collect", "--quiet", "--wait", "--pipe", f"--unit={_UNIT}",
            "--description=RuPost: shadow start of a staged configuration",
            "--property=KillMode=control-group", "--property=KillSignal=SIGKILL",
            f"--property=RuntimeMaxSec={longest:.0f}", "--property=LimitNOFILE=131072",
            # When memory gets short, the trial goes first.
            "--property=OOMScoreAdjust=900",
            f"--setenv=RUPOST_LANGUAGE={language()}",
            sys.executable, "-I", "-m", _OUTSIDE,
        ]  # fmt: skip
        while True:
            finished = converse(words, timeout=longest + 2, first=intended.as_json() + "\n", on_line=hear)
            busy = finished.exit_code != 0 and _BUSY in finished.stderr
            if not busy or time.monotonic() > intended.deadline:
                return finished
            time.sleep(_BUSY_PAUSE_SECONDS)


def stretched(seconds: float, load: float, processors: int) -> float:
    """The time for a shadow start while so many processes (load average) want the processors, at most threefold."""
    return seconds * min(max(load / (_USUAL_LOAD * processors), 1.0), _MOST_STRETCHED)


def _impossible(reason: str) -> Problem:
    reason = _(
        "the shadow start is not possible here: {reason}. To deploy without it: --skip-wall shadow", reason=reason
    )
    return Problem("shadow", "", None, reason)
