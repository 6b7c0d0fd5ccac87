"""kill -9 of real deployments on a real node: link and running daemons are wholly on one generation within 2 s.

Two generations that differ in every component are deployed in turn, each way cut short: by time, or at a system call.
Sometimes the agent dies in the same moment, sometimes the whole node. `make test` takes a seeded sample;
RUPOST_SWEEP=1 takes 160 points.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from lab import cgroup
from lab import node as nodes
from lab.layout import NODE1
from tests.lab.test_deployment import deploy, mail_flows

SWEEP = os.environ.get("RUPOST_SWEEP") == "1"
SEED = 20261124
POINTS = 160 if SWEEP else 6
NODE_DEATHS = 8 if SWEEP else 1
MOST_SECONDS = 2.0
AGENT_SECONDS = 1.0  # more, when systemd must start the agent anew
SCRIPT = "/root/crash_on_node.py"


def settings(letter: str) -> list[str]:
    answer = f'"marker-{letter}"'
    return [
        f"message_size_limit={41 + 'AB'.index(letter)}M",
        f"dovecot_extra=login_greeting = marker-{letter}",
        f"nginx_extra=location = /marker {{ return 200 {answer}; }}",
        "haproxy_extra=frontend marker\n    bind :8998\n    mode http\n"
        f"    http-request return status 200 content-type text/plain string {answer}",
        f"sogo_extra=SOGoPageTitle = {answer};",
    ]


@pytest.fixture(scope="module")
def two(node):
    """The numbers of the generations A and B; afterwards the one from before is live again."""
    before = number(node)
    node.put(Path(__file__).parent / "crash_on_node.py", SCRIPT)
    found = []
    for letter in "AB":
        deploy(node, *settings(letter))
        found.append(number(node))
        assert set(json.loads(node.run("python3", SCRIPT, "markers").stdout).values()) == {letter}
    yield found
    node.run("rupost", "config", "rollback", str(before))


def number(node) -> int:
    return int(node.live().rpartition("/")[2])


def other(node, two) -> int:
    return two[0] if number(node) == two[1] else two[1]


def trial(node, two, kind, when, *extra):
    done = node.run("python3", SCRIPT, "trial", str(other(node, two)), kind, str(when), *extra)
    result = json.loads(done.stdout)
    assert result["record"] is None, result
    assert set(result["markers"].values()) == {result["letter"]}, result
    assert result["live"] in (result["former"], result["target"]), result
    most = MOST_SECONDS + AGENT_SECONDS * result["agent"]
    assert result["seconds"] is not None and result["seconds"] <= most, result
    return result


def outcomes(node):
    rows = json.loads(node.run("rupost", "config", "history", "--json").stdout)
    return [row["deployment"]["outcome"] for row in rows if row["deployment"]]


def points(calls):
    """`calls` as `crash_on_node.py count` tells them."""
    chosen = random.Random(SEED)
    late = [name for name, (_all, after) in calls.items() if after]
    for index in range(POINTS):
        extra = ("agent",) if index % 3 == 2 else ()
        any_call, late_call = chosen.choice(list(calls)), chosen.choice(late)
        yield (
            ("switched", round(chosen.uniform(0.0, 0.9), 3), extra),
            (late_call, chosen.randint(calls[late_call][1], calls[late_call][0]), extra),
            (any_call, chosen.randint(1, calls[any_call][0]), extra),
            ("begun", round(chosen.uniform(0.3, 5.0), 3), extra),
        )[index % 4]


def test_a_killed_deployment_leaves_nothing_in_between(lab, node, two):
    calls = json.loads(node.run("python3", SCRIPT, "count", str(other(node, two))).stdout)
    results = [trial(node, two, kind, when, *extra) for kind, when, extra in points(calls)]
    killed = [result for result in results if result["killed"]]
    switched = [result for result in killed if result["live"] == result["target"]]
    slowest = [max(r["seconds"] for r in results if r["agent"] is died) for died in (False, True)]
    with_sogo = max(result["seconds_all"] for result in results)
    print(f"seed {SEED}: {len(results)} deployments, {len(killed)} killed before their end, {len(switched)} of them "
          f"through already; slowest recovery {slowest[0]:.2f} s, with the agent killed too {slowest[1]:.2f} s; "
          f"with SOGo {with_sogo:.2f} s")  # fmt: skip
    assert len(killed) >= len(results) / 2
    mail_flows(lab, patience=60)
    deadline = time.monotonic() + 15
    while {"running", "waiting"} & set(outcomes(node)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not {"running", "waiting"} & set(outcomes(node))


def test_a_killed_node_boots_with_one_generation(lab, node, two):
    chosen = random.Random(SEED + 1)
    for _index in range(NODE_DEATHS):
        target, former = other(node, two), number(node)
        node.run(
            "sh", "-c", f"rupost config rollback {target} >/dev/null 2>&1 & sleep {chosen.uniform(0.8, 2.0):.3f}"
        )
        reboot()
        for _attempt in range(40):
            shown = set(json.loads(node.run("python3", SCRIPT, "markers").stdout).values())
            if len(shown) == 1 and "" not in shown:
                break
            time.sleep(0.5)
        now = number(node)
        assert now in (target, former)
        assert shown == {"AB"[two.index(now)]}
        node.run("test", "!", "-e", "/var/lib/rupost/configuration/transition.json")
    mail_flows(lab, patience=60)
    assert not {"running", "waiting"} & set(outcomes(node))


def reboot(pause: float = 0.0) -> None:
    """As a power cut does to all processes; what the kernel holds for the disk survives (test_power_cut.py)."""
    cgroup.kill(NODE1.name)
    time.sleep(pause)
    nodes.boot(NODE1)
    nodes.wait(NODE1)
    # The lab does not enable it: what comes before happens without a database.
    nodes.execute(NODE1, ["systemctl", "start", "postgresql"])
