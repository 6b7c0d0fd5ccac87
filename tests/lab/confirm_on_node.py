"""Runs on the node: one confirmation window with something killed in it, and what became of it.

    confirm_on_node.py TARGET '{"victim": "agent", "kill_at": 4.2, "confirm_at": 6.0, "confirm_dies_after": null}'

Times are seconds after the window has opened (the record says that it waits); a victim `deploy` is killed so many
seconds after the start instead. Victims: deploy, agent, both, database, none. A database that was killed is started
again after 3 s. Prints a JSON object. Only Python's own library is used.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

from crash_on_node import QUESTIONS, QUIET, agent_pid, agree, deployment, letter, live, markers, record

WINDOW = 10


def kill(victim, deployer):
    if victim in ("deploy", "both") and deployer.poll() is None:
        deployer.kill()
    if victim in ("agent", "both") and agent_pid():
        os.kill(agent_pid(), signal.SIGKILL)
    if victim == "database":
        subprocess.run(["systemctl", "kill", "-s", "KILL", "postgresql@15-main"], **QUIET)
        time.sleep(3)
        subprocess.run(["systemctl", "restart", "postgresql@15-main"], **QUIET)


def confirmed(at, dies_after):
    """The exit code of `rupost config confirm`, None when it was killed."""
    time.sleep(max(0.0, at - time.monotonic()))
    process = subprocess.Popen(["/usr/bin/rupost", "config", "confirm"], **QUIET)
    try:
        return process.wait(dies_after or 60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def window(target, plan):
    former = live()
    started = time.monotonic()
    command = [*deployment(target), "--confirm-within", f"{WINDOW}s"]
    deployer = subprocess.Popen(command, **QUIET)
    if plan["victim"] in ("deploy", "both"):
        time.sleep(plan["kill_at"])
        kill(plan["victim"], deployer)
    opened = wait_for_window(deployer)
    killer = None
    if opened and plan["victim"] in ("agent", "database"):
        killer = threading.Timer(max(0.0, opened + plan["kill_at"] - time.monotonic()), kill,
                                 (plan["victim"], deployer))  # fmt: skip
        killer.start()
    code = None
    if opened and plan["confirm_at"] is not None:
        code = confirmed(opened + plan["confirm_at"], plan["confirm_dies_after"])
    ended = wait_for_end((opened or started) + WINDOW + 20)
    if killer:
        killer.join()
    deployer.wait(60)
    wait_until(lambda: agree(tuple(QUESTIONS)), 15)
    return {
        **plan, "former": former, "target": target, "opened": bool(opened), "confirm_code": code, "live": live(),
        "record": record(), "markers": markers(), "letter": letter(),
        "late": round(ended - opened - WINDOW, 2) if opened and ended else None,
    }  # fmt: skip


def wait_for_window(deployer):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        now = record()
        if now and now["phase"] == "waiting":
            return time.monotonic()
        if now is None and deployer.poll() is not None:
            return None
        time.sleep(0.02)
    return None


def wait_for_end(deadline):
    while time.monotonic() < deadline:
        if record() is None:
            return time.monotonic()
        time.sleep(0.05)
    return None


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)


if __name__ == "__main__":
    print(json.dumps(window(int(sys.argv[1]), json.loads(sys.argv[2]))))
