"""What a plan shows is what a deployment does, byte for byte; and doing it twice does nothing the second time."""

import json
import os
from pathlib import Path

SEED = 20261124
COUNT = 200 if os.environ.get("RUPOST_SWEEP") else 6
PYTHON = "/usr/lib/rupost/venv/bin/python3"


def test_the_plan_is_what_happens(node):
    print(f"seed {SEED}")
    before = node.live().rpartition("/")[2]
    node.put(Path(__file__).parent / "plan_and_apply.py", "/root/plan_and_apply.py")
    done = node.run(PYTHON, "/root/plan_and_apply.py", str(COUNT), str(SEED), timeout=3600)
    node.run("rupost", "config", "rollback", before)
    found = json.loads(done.stdout)
    assert found == {"changes": COUNT, "differences": [], "second": []}
