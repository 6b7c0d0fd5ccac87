"""Runs on a node: stages a bundle of files beside the live generation and prints what the checkers say, as JSON."""

import json
import sys
from pathlib import Path

from rupost_core.components.model import StagedView
from rupost_core.components.registry import ALL
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import RenderedFile

STAGED_NUMBER = 999_999

live = LiveConfiguration()
files = tuple(RenderedFile(**file) for file in json.loads(Path(sys.argv[1]).read_text()))
staged = live.stage(STAGED_NUMBER, files)
problems = [str(problem) for component in ALL.values() for problem in component.check(StagedView(staged, live.link))]
sys.stdout.write(json.dumps(problems, ensure_ascii=False))
