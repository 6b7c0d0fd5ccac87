"""Runs on a node: renders the live generation's files again and checks them, in turn, and prints the medians."""

import json
import statistics
import sys
import time

from rupost_core import settings
from rupost_core.components.model import StagedView
from rupost_core.components.registry import ALL
from rupost_core.configuration import store
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from rupost_core.configuration.surroundings import gather
from rupost_core.core import Core
from rupost_core.operation import Actor, Role

RUNS = 15
# Memcached has none: it is started for a fixed moment instead, which would only flatter the ratio.
WITHOUT_CHECKER = {"memcached"}

with Core(settings.load(), Actor("bench", Role.ADMINISTRATOR, "cli")) as core:
    live = core.configuration.live
    number = live.current()
    with core.desk.transaction() as connection:
        generation = store.get_generation(connection, number)
        template = store.load_from_library(connection, generation.template_name, generation.template_version)
        values = resolve(template.spec, store.generation_parameters(connection, core.desk.keyring, number))
        surroundings = gather(connection, core.desk, live)

view = StagedView(live.folder(number), live.link)
rendering, checking, each, files = [], [], {name: [] for name in ALL}, ()
for _run in range(RUNS):
    started = time.perf_counter()
    files = render(template, values, surroundings)
    rendering.append(time.perf_counter() - started)
    total = 0.0
    for name, component in ALL.items():
        started = time.perf_counter()
        problems = component.check(view)
        seconds = time.perf_counter() - started
        if problems:
            sys.exit(f"{name} refuses the live configuration: {problems[0]}")
        each[name].append(seconds)
        if name not in WITHOUT_CHECKER:
            total += seconds
    checking.append(total)

print(
    json.dumps(
        {
            "files": len(files),
            "render": statistics.median(rendering),
            "check": statistics.median(checking),
            "each": {name: statistics.median(times) for name, times in each.items()},
        }
    )
)
