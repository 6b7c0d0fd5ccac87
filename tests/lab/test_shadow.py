"""The shadow start on a real node: good configurations pass, planted faults are found, nothing is left or touched."""

import contextlib
import itertools
import json
import os
import random
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lab import clients
from tests.lab.shadow_faults import FAULTS

PYTHON = "/usr/lib/rupost/venv/bin/python3"
TRIAL = Path(__file__).with_name("shadow_trial.py")
SEED, SAMPLE = 3, 8
SWEEP = os.environ.get("RUPOST_SWEEP")
CHOSEN = sorted(FAULTS) if SWEEP else sorted(random.Random(SEED).sample(sorted(FAULTS), SAMPLE))
# Each trial stages under a number of its own.
NUMBERS = itertools.count(900_000)
MOST_SECONDS = 6.0
MOST_BYTES = 250e6
# What a shadow is made of, and what it would leave: units, processes, mounts, namespaces.
LEFT = (
    "systemctl list-units --all --no-legend 'rupost-shadow*'; grep -c ' shadow ' /proc/mounts;"
    "pgrep -fc [c]onfiguration.shadow; lsns -t net -n | wc -l; lsns -t pid -n | wc -l; ls /run /tmp | grep shadow"
)


def trial(node, faults):
    """What the shadow start says of each: {name: {seconds, problems, memory}}."""
    node.put(TRIAL, "/root/shadow_trial.py")
    bundle = json.dumps([{"name": name, "edits": edits} for name, edits in faults])
    number = next(NUMBERS)
    done = node.run("sh", "-c", f"cat > /root/faults-{number}.json <<'END'\n{bundle}\nEND\n"
                    f"{PYTHON} /root/shadow_trial.py {number} < /root/faults-{number}.json", timeout=900)  # fmt: skip
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


def patience():
    """An overloaded machine is given more time (wall.py)."""
    return min(max(os.getloadavg()[0] / (2 * (os.cpu_count() or 1)), 1.0), 3.0)


def left(node):
    return node.run("sh", "-c", LEFT, check=False).stdout


@pytest.fixture(scope="module")
def said(node):
    factor = patience()
    found = trial(node, [("good", []), *((name, FAULTS[name][0]) for name in CHOSEN)])
    for row in found.values():
        row["most"] = MOST_SECONDS * max(factor, patience())
    return found


def test_a_good_generation_passes_in_time_and_is_small(said):
    assert said["good"]["problems"] == []
    assert said["good"]["seconds"] < said["good"]["most"]
    assert 20e6 < said["good"]["memory"] < MOST_BYTES


@pytest.mark.parametrize("name", CHOSEN)
def test_a_planted_fault_is_found_in_time_and_named(said, name):
    _edits, component, words = FAULTS[name]
    row = said[name]
    assert [p for p in row["problems"] if component in ("", p["component"]) and words in p["reason"]], row["problems"]
    assert all(p["file"] for p in row["problems"])
    assert row["seconds"] < row["most"]


def test_a_deployment_is_refused_by_the_shadow_and_can_be_forced_past_it(lab, node):
    """HAProxy's own checker accepts an address that this node does not have."""
    before = node.live()
    setting = "haproxy_extra=frontend x\n    bind 192.0.2.1:99"
    done = node.run("rupost", "config", "deploy", "--set", setting, "--skip-wall", "lint", check=False)
    assert done.returncode == 41
    assert re.search(r"haproxy: haproxy/haproxy\.cfg, line \d+: .*192\.0\.2\.1:99", done.stderr)
    assert "shadow start" in done.stderr
    assert node.live() == before
    done = node.run("rupost", "config", "deploy", "--set", setting, "--skip-wall", "lint", "--skip-wall", "shadow",
                    check=False)  # fmt: skip
    assert done.returncode == 42
    assert node.live() == before
    rows = json.loads(node.run("rupost", "journal", "list", "--json").stdout)
    assert any(row["operation"] == "config.deploy" and "shadow" in json.dumps(row) for row in rows)


def test_the_live_side_is_not_touched(lab, node):
    """A waiting letter stays, no log line and no row is written, no letter arrives."""
    node.run("sh", "-c", "printf 'Subject: waits\\n\\nx\\n' | sendmail -C /var/lib/rupost/configuration/live/postfix "
             "-f ivanov@demo.local nobody@nowhere.invalid; "
             "until find /var/spool/postfix/deferred -type f | grep -q .; do sleep 0.1; done; "
             "sleep 1.1; touch /root/stamp; sleep 1.1", timeout=30)  # fmt: skip
    before, position = live_state(node), node.log_position()
    trial(node, [("good", []), ("lmtp-socket", FAULTS["lmtp-socket"][0])])
    assert live_state(node) == before
    log = [line for line in node.log_since(position).splitlines() if re.search("shadow|198.51.100|probe@", line)]
    assert log == []
    changed = "find /srv /var/log/nginx /var/log/sogo -newer /root/stamp -type f"
    assert [p for p in node.run("sh", "-c", changed).stdout.splitlines() if "stream.log" not in p] == []


def live_state(node):
    # A timer notes every 30 s in the table `node` that this node was seen.
    sums = "select sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del) from pg_stat_user_tables where relname <> 'node'"
    commands = {
        "queue": "find /var/spool/postfix/incoming /var/spool/postfix/active /var/spool/postfix/deferred"
        " /var/spool/postfix/hold -type f -printf '%p %T@ %i\\n' | sort",
        "mail": "find /srv -type f | wc -l",
        "rows": f'sleep 1; for d in rupost rupost_data; do runuser -u postgres -- psql -qAtX $d -c "{sums}"; done',
        "processes": "pgrep -x 'master|dovecot|haproxy|sogod|nginx|memcached'",
        "mounts": "grep -v ' /run/user' /proc/mounts | sort",
    }
    return {name: node.run("sh", "-c", command, check=False).stdout for name, command in commands.items()}


VICTIMS = {
    "the deployment": "pkill -9 -f shadow_trial.py",
    "systemd-run": "pkill -9 -x systemd-run",
    "the unit's main process": "kill -9 $(systemctl show -P MainPID rupost-shadow)",
    "unshare": "pkill -9 -x unshare",
    "process 1 of the shadow": "pkill -9 -f '^[^ ]*python.* rupost_core.configuration.shadow.inside'",
}


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("after", [0.15, 0.3, 0.6, 1.0] if SWEEP else [0.4])
def test_nothing_is_left_when_something_is_killed(node, victim, after):
    before = left(node)
    runner = threading.Thread(target=lambda: _ignore(trial, node, [("good", [])]))
    runner.start()
    node.run("sh", "-c", f"until systemctl -q is-active rupost-shadow; do sleep 0.02; done; sleep {after}; "
             f"{VICTIMS[victim]}", check=False)  # fmt: skip
    runner.join()
    node.run("sh", "-c", "rm -rf /var/lib/rupost/configuration/generations/9?????")
    deadline = time.monotonic() + 3
    while left(node) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left(node) == before


def test_two_at_once_take_turns(node):
    results = {}
    runners = [
        threading.Thread(target=lambda n=n: results.update({n: trial(node, [("good", [])])})) for n in range(2)
    ]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert [row["good"]["problems"] for row in results.values()] == [[], []]


def test_an_outside_service_that_is_down_is_named_as_such(node):
    node.run("ip", "route", "add", "blackhole", "10.77.0.21/32")
    try:
        found = trial(node, [("good", [])])["good"]["problems"]
    finally:
        node.run("ip", "route", "del", "blackhole", "10.77.0.21/32")
    assert [p["component"] for p in found] == ["LDAP dir1.demo.local"]
    assert "outside service" in found[0]["reason"]


def test_without_the_right_to_make_namespaces_it_refuses_and_says_how_to_go_on(node):
    folder = "/run/systemd/system/rupost-shadow.service.d"
    setting = "[Service]\\nRestrictNamespaces=yes\\n"
    node.run("sh", "-c", f"mkdir -p {folder}; printf '{setting}' > {folder}/no.conf; systemctl daemon-reload")
    try:
        found = trial(node, [("good", [])])["good"]["problems"]
    finally:
        node.run("sh", "-c", f"rm -r {folder}; systemctl daemon-reload")
    assert [p["component"] for p in found] == ["shadow"]
    assert "--skip-wall shadow" in found[0]["reason"]


def test_mail_flows_during_a_shadow_start(lab, node):
    subject = f"beside {time.time_ns()}"
    runner = threading.Thread(target=lambda: trial(node, [("good", [])]))
    runner.start()
    clients.send_from_outside(lab, "ivanov@demo.local", subject)
    clients.wait_for_letter(lab, lab.person("ivanov"), subject)
    runner.join()


def _ignore(function, *arguments):
    with contextlib.suppress(AssertionError, subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
        function(*arguments)
