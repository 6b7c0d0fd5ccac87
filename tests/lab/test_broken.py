"""Broken configurations by the hundred are refused before anything live changes; valid ones never are."""

import json
import os
import random
from pathlib import Path

import pytest

from tests.broken import verdict

SEED = 20261124
SWEEP = bool(os.environ.get("RUPOST_SWEEP"))
# The daily sample is taken with the same seed from all that the factory makes.
SAMPLE, VALID = 40, 1000 if SWEEP else 15
PYTHON = "/usr/lib/rupost/venv/bin/python3"
BROKEN = Path(__file__).parents[1] / "broken"


@pytest.fixture(scope="module")
def sweep(node):
    """Runs sweep.py on the node and returns what it found, one result a case."""
    for path in sorted(BROKEN.glob("*.py")):
        node.put(path, f"/root/sweep/tests/broken/{path.name}")
    node.run("touch", "/root/sweep/tests/__init__.py")
    node.put(Path(__file__).with_name("sweep.py"), "/root/sweep/sweep.py")

    def run(kind, *options):
        done = node.run(
            "env", "PYTHONPATH=/root/sweep", PYTHON, "-W", "ignore", "/root/sweep/sweep.py", kind,
            "--seed", str(SEED), *options, timeout=10800,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_every_broken_configuration_is_refused_and_named(sweep, node):
    print(f"seed {SEED}")
    before = node.live()
    if SWEEP:
        results = sweep("broken", "--count", "100000")
        assert len(results) >= 500
    else:
        results = sweep("broken", "--pick", ",".join(map(str, random.Random(SEED).sample(range(500), SAMPLE))))
        assert len(results) == SAMPLE
    print(verdict.table(results))
    faults = {result["name"]: verdict.faults_of(result) for result in results if verdict.faults_of(result)}
    assert faults == {}
    assert node.live() == before


def test_no_valid_configuration_is_refused(sweep):
    print(f"seed {SEED}")
    results = sweep("valid", "--count", str(VALID))
    assert len(results) == VALID
    assert [result for result in results if result["wall"]] == []
    assert all(result["live_untouched"] for result in results)
