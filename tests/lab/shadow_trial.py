"""Runs on a node: plants faults in copies of the live generation and prints what the shadow start says of each.

Standard input: [{"name": …, "edits": [[path, regular expression, replacement], …]}, …]. One line of JSON a fault.
"""

import dataclasses
import json
import re
import shutil
import sys
import time

from rupost_core import settings
from rupost_core.components.model import StagedView
from rupost_core.configuration import store
from rupost_core.configuration.shadow.wall import Shadow
from rupost_core.configuration.walls import Candidate
from rupost_core.core import Core
from rupost_core.operation import Actor, Role

STAGED_NUMBER = int(sys.argv[1])


def changed(files, edits):
    by_path = {file.path: file for file in files}
    for path, pattern, replacement in edits:
        text, count = re.subn(pattern, replacement, by_path[path].content, flags=re.MULTILINE)
        assert count, f"{path} has no {pattern}"
        by_path[path] = dataclasses.replace(by_path[path], content=text)
    return tuple(by_path.values())


with Core(settings.load(), Actor("test", Role.ADMINISTRATOR, "cli")) as core:
    service, here = core.configuration, core.desk.settings
    with core.desk.transaction() as connection:
        good = store.generation_files(connection, core.desk.keyring, service.live.current(), here.node_name)
    shadow = Shadow((here.node_name, here.node_address), service.inhabitants, measure=True)
    for fault in json.loads(sys.stdin.read()):
        files = changed(good, fault["edits"])
        candidate = Candidate(files, StagedView(service.live.stage(STAGED_NUMBER, files), service.live.link))
        started = time.monotonic()
        problems = shadow.problems(candidate, lambda *_told: None)
        seconds = time.monotonic() - started
        said = [dataclasses.asdict(problem) for problem in problems]
        sys.stdout.write(
            json.dumps({"name": fault["name"], "seconds": seconds, "problems": said, "memory": shadow.memory}) + "\n"
        )
        sys.stdout.flush()
    shutil.rmtree(service.live.folder(STAGED_NUMBER))
