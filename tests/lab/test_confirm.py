"""Confirmation windows on a real node, with our processes and the database killed in the middle.

Every window ends confirmed or rolled back, link, daemons and history alike. `make test` takes a few; RUPOST_SWEEP=1
takes 50.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

from tests.lab.test_crash import number, other, outcomes, reboot, two  # noqa: F401 - two is a fixture
from tests.lab.test_deployment import deploy, mail_flows

SWEEP = os.environ.get("RUPOST_SWEEP") == "1"
SEED = 20261125
WINDOWS = 50 if SWEEP else 4
MOST_LATE_SECONDS = 5.0
SCRIPT = "/root/confirm_on_node.py"


def plans():
    chosen = random.Random(SEED)
    for index in range(WINDOWS):
        victim = ("agent", "deploy", "none", "database", "both")[index % 5]
        in_window = victim in ("agent", "database", "none")
        confirm_at = round(chosen.uniform(0.3, 9.0), 2) if chosen.random() < 0.6 else None
        yield {
            "victim": victim,
            "kill_at": round(chosen.uniform(0.3, 9.5) if in_window else chosen.uniform(1.5, 4), 2),
            "confirm_at": confirm_at,
            "confirm_dies_after": round(chosen.uniform(0.1, 0.9), 2) if confirm_at and index % 2 else None,
        }


def last(node):
    return json.loads(node.run("rupost", "config", "status", "--json").stdout)["last"]


def test_every_window_ends_confirmed_or_rolled_back(lab, node, two):  # noqa: F811
    node.put(Path(__file__).parent / "confirm_on_node.py", SCRIPT)
    ended = {"confirmed": 0, "rolled back": 0, "never opened": 0}
    lateness = []
    for plan in plans():
        target = other(node, two)
        done = node.run("python3", SCRIPT, str(target), json.dumps(plan))
        result = json.loads(done.stdout)
        assert result["record"] is None, result
        assert set(result["markers"].values()) == {result["letter"]}, result
        assert result["live"] in (result["former"], result["target"]), result
        stays = result["live"] == target
        if result["confirm_code"] == 0:
            assert stays, result
        if plan["confirm_at"] is None:
            assert not stays, result
        if result["opened"]:
            ended["confirmed" if stays else "rolled back"] += 1
            if not stays:
                assert result["late"] is not None and result["late"] <= MOST_LATE_SECONDS, result
                lateness.append(result["late"])
        else:
            ended["never opened"] += 1
        said = wait_for_history(node)
        if result["opened"]:
            assert said["generation"] == target, (result, said)
            assert said["outcome"] == ("done" if stays else "rolled_back"), (result, said)
            assert bool(said["confirmed_by"]) == stays
    print(f"seed {SEED}: {ended}; the latest return was over {max(lateness, default=0):.2f} s after the window's end")
    mail_flows(lab, patience=60)  # the database was away a moment ago


def wait_for_history(node):
    deadline = time.monotonic() + 20
    while True:
        said = last(node)
        if said and said["outcome"] not in ("running", "waiting"):
            return said
        assert time.monotonic() < deadline, said
        time.sleep(0.5)


def test_while_one_waits_another_is_refused_and_the_former_can_be_had_at_once(lab, node, two):  # noqa: F811
    former, target = number(node), other(node, two)
    node.run("rupost", "config", "rollback", str(target), "--confirm-within", "10m")
    refused = deploy(node, "message_size_limit=43M", check=False)
    assert refused.returncode == 40
    assert "waits for confirmation" in refused.stderr and f"rupost config rollback {former}" in refused.stderr
    shown = json.loads(node.run("rupost", "config", "status", "--json").stdout)
    assert shown["transition"]["phase"] == "waiting" and 500 < shown["remaining_seconds"] <= 600
    assert shown["last"]["outcome"] == "waiting" and shown["last"]["confirm_until"]
    node.run("rupost", "config", "rollback", str(former))
    assert number(node) == former
    assert last(node)["outcome"] == "rolled_back"
    assert node.run("rupost", "config", "confirm", check=False).returncode == 2
    rows = json.loads(node.run("rupost", "journal", "list", "--json").stdout)
    assert "config.revert" in {row["operation"] for row in rows}


def test_what_stops_serving_in_the_window_takes_it_back_at_once(lab, node, two):  # noqa: F811
    former, target = number(node), other(node, two)
    node.run("rupost", "config", "rollback", str(target), "--confirm-within", "10m")
    time.sleep(3)
    node.run("systemctl", "stop", "dovecot.service")
    deadline = time.monotonic() + 15
    while number(node) != former and time.monotonic() < deadline:
        time.sleep(0.2)
    assert number(node) == former
    said = wait_for_history(node)
    assert said["outcome"] == "rolled_back"
    # Whichever of Dovecot's ports was looked at first.
    assert any(word in said["message"] for word in ("993", "4190", "dovecot")), said["message"]
    mail_flows(lab, patience=60)  # the database was away a moment ago
    rows = json.loads(node.run("rupost", "journal", "list", "--json").stdout)
    concluded = next(row for row in rows if row["operation"] == "config.conclude")
    assert (concluded["actor"], concluded["face"]) == ("rupost", "service")


def test_a_window_survives_a_reboot_of_the_node_and_ends_while_it_is_down(lab, node, two):  # noqa: F811
    former, target = number(node), other(node, two)
    node.run("rupost", "config", "rollback", str(target), "--confirm-within", "60s")
    reboot()
    assert number(node) == target
    shown = json.loads(node.run("rupost", "config", "status", "--json").stdout)
    assert 10 < shown["remaining_seconds"] < 60
    node.run("rupost", "config", "confirm")
    assert number(node) == target and last(node)["confirmed_by"] == "root"

    node.run("rupost", "config", "rollback", str(former), "--confirm-within", "10s")
    reboot(pause=11)
    assert number(node) == target
    assert wait_for_history(node)["outcome"] == "rolled_back"
    mail_flows(lab, patience=60)  # the database was away a moment ago
    assert not {"running", "waiting"} & set(outcomes(node))


def test_a_window_is_confirmed_without_the_database(node, two):  # noqa: F811
    target = other(node, two)
    node.run("rupost", "config", "rollback", str(target), "--confirm-within", "10m")
    node.run("systemctl", "stop", "postgresql@15-main")
    try:
        node.run("rupost", "config", "confirm")
        assert number(node) == target
    finally:
        node.run("systemctl", "start", "postgresql@15-main")
    said = wait_for_history(node)
    assert (said["outcome"], said["confirmed_by"]) == ("done", "root")
