"""Runs on a node: the checkers alone beside the shadow start, on the live generation's files; prints JSON.

With a number: so many runs. The live generation is staged under a number of its own, which is removed afterwards.
"""

import json
import shutil
import statistics
import sys
import time

from rupost_core import settings
from rupost_core.components.model import StagedView
from rupost_core.components.registry import ALL
from rupost_core.configuration import store
from rupost_core.configuration.shadow.wall import Shadow
from rupost_core.configuration.walls import Candidate, Checkers
from rupost_core.core import Core
from rupost_core.operation import Actor, Role

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 7
STAGED_NUMBER = 999_998

with Core(settings.load(), Actor("bench", Role.ADMINISTRATOR, "cli")) as core:
    service = core.configuration
    with core.desk.transaction() as connection:
        files = store.generation_files(
            connection, core.desk.keyring, service.live.current(), core.desk.settings.node_name
        )
    candidate = Candidate(files, StagedView(service.live.stage(STAGED_NUMBER, files), service.live.link))
    node = (core.desk.settings.node_name, core.desk.settings.node_address)
    checkers, shadow = Checkers(ALL), Shadow(node, service.inhabitants, measure=True)
    seconds = {"checkers": [], "shadow": []}
    parts = {}
    try:
        for _run in range(RUNS):
            for wall in (checkers, shadow):
                started = time.perf_counter()
                problems = wall.problems(candidate, lambda subject, took, _found: parts.update({subject: took}))
                seconds[wall.name].append(time.perf_counter() - started)
                if problems:
                    sys.exit(f"{wall.name} refuses the live configuration: " + "; ".join(map(str, problems)))
    finally:
        shutil.rmtree(candidate.view.staged)

print(
    json.dumps(
        {
            "runs": RUNS,
            "checkers": statistics.median(seconds["checkers"]),
            "shadow": statistics.median(seconds["shadow"]),
            "shadow_slowest": max(seconds["shadow"]),
            "memory_bytes": shadow.memory,
            "parts": parts,
        }
    )
)
