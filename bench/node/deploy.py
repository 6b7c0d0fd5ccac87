"""Runs on a node: validated deployments of a small change, with and without the shadow start, beside the component
checkers alone, in turn. Prints the medians in seconds as JSON."""

import json
import statistics
import sys
import time

from rupost_core import settings
from rupost_core.components.model import StagedView
from rupost_core.components.registry import ALL
from rupost_core.configuration.drafting import Wish
from rupost_core.configuration.service import Manner
from rupost_core.configuration.walls import Candidate, Checkers
from rupost_core.core import Core
from rupost_core.operation import Actor, Role

RUNS = 7
WITHOUT_SHADOW = Manner(skip=frozenset({"shadow"}))

with Core(settings.load(), Actor("bench", Role.ADMINISTRATOR, "cli")) as core:
    configuration = core.configuration
    live, first = configuration.live, configuration.live.current()
    checkers = Checkers(ALL)
    times = {"the components' checkers, side by side": [], "deployment without the shadow start": [],
             "deployment with all three walls": []}  # fmt: skip

    def deploy(days, manner):
        wish = Wish(values={"postfix_extra": f"maximal_queue_lifetime = {days}d"})
        started = time.perf_counter()
        configuration.deploy(wish, "bench", lambda step: None, manner)
        return time.perf_counter() - started

    for run in range(RUNS):
        started = time.perf_counter()
        candidate = Candidate((), StagedView(live.folder(live.current()), live.link))
        problems = checkers.problems(candidate, lambda *_: None)
        times["the components' checkers, side by side"].append(time.perf_counter() - started)
        if problems:
            sys.exit(f"the checkers refuse the live configuration: {problems[0]}")
        times["deployment without the shadow start"].append(deploy(2 + run % 2, WITHOUT_SHADOW))
        times["deployment with all three walls"].append(deploy(4 + run % 2, Manner()))
    configuration.rollback(first, lambda step: None, WITHOUT_SHADOW)

sys.stdout.write(json.dumps({name: statistics.median(found) for name, found in times.items()}))
