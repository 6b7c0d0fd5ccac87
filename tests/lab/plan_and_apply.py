"""Runs on a node: random changes are planned and deployed; what the plan showed is compared with what came about.

Arguments: how many changes, the seed. Prints JSON: {"changes": …, "differences": […], "second": […]}.
"""

import difflib
import json
import random
import sys
from pathlib import Path

from rupost_core import settings
from rupost_core.configuration.drafting import Wish
from rupost_core.configuration.service import Manner
from rupost_core.core import Core
from rupost_core.operation import Actor, Role

COUNT, SEED = int(sys.argv[1]), int(sys.argv[2])
# The shadow start does not decide what the files are; the other walls look.
MANNER = Manner(skip=frozenset({"shadow"}))


def random_change(chance):
    """One to four parameters at random valid values."""
    every = {
        "organization": lambda: chance.choice(["ООО «Ромашка»", "A & B <c>", 'Say "yes" \\ %d', "x" * 90, "RuPost"]),
        "language": lambda: chance.choice(["Russian", "English"]),
        "time_zone": lambda: chance.choice(["Europe/Moscow", "Asia/Vladivostok", "UTC"]),
        "message_size_limit": lambda: f"{chance.randint(1, 200)}M",
        "trusted_networks": lambda: [f"10.{chance.randint(0, 255)}.{chance.randint(0, 255)}.0/24"],
        "relay_host": lambda: chance.choice([None, "10.77.0.21:2525"]),
        "tls_minimum": lambda: chance.choice(["TLSv1.2", "TLSv1.3"]),
        "client_affinity": lambda: f"{chance.randint(10, 600)}m",
        "max_connections": lambda: chance.randint(100, 4000),
        "imap_connections_per_client": lambda: chance.randint(5, 200),
        "postfix_extra": lambda: f"maximal_queue_lifetime = {chance.randint(1, 9)}d",
        "nginx_extra": lambda: f"keepalive_requests {chance.randint(100, 999)};",
        "dovecot_extra": lambda: f"imap_idle_notify_interval = {chance.randint(60, 600)} s",
    }
    return {name: every[name]() for name in chance.sample(sorted(every), chance.randint(1, 4))}


def texts(folder):
    """Every file's lines and attributes by its path."""
    found = {}
    for path in sorted(folder.resolve().rglob("*")):
        if path.is_file():
            state = path.stat()
            found[str(path.relative_to(folder.resolve()))] = (
                path.read_text().splitlines(), state.st_mode & 0o7777, state.st_uid, state.st_gid, state.st_ino,
                state.st_mtime_ns,
            )  # fmt: skip
    return found


def daemons():
    """Every process of the machine by pid and start: a reload or restart shows in it."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")
        except OSError:
            continue
        if any(name in fields[0] for name in ("(haproxy", "(nginx", "(dovecot", "(master", "(sogod", "(memcached")):
            found.add((stat.parent.name, fields[2].split()[19]))
    return found


def shown_and_real(plan, before, after):
    """What differs between the planned and the applied changes."""
    real = {path for path in before | after if before.get(path, ())[:4] != after.get(path, ())[:4]}
    wrong = [f"planned only: {c.path}" for c in plan.files if c.path not in real]
    planned = {change.path: change for change in plan.files}
    for path in sorted(real):
        old = before.get(path, ([],))[0]
        new = after.get(path, ([],))[0]
        lines = tuple(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
        change = planned.get(path)
        if change is None:
            wrong.append(f"applied only: {path}")
        elif not change.secret and change.diff != lines:
            wrong.append(f"{path}: the difference shown is not the one applied")
        elif (change.added_lines, change.removed_lines) != (
            sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)
        ):  # fmt: skip
            wrong.append(f"{path}: the counts differ")
    return wrong


def main():
    chance = random.Random(SEED)
    result = {"changes": 0, "differences": [], "second": []}
    with Core(settings.load(), Actor("test", Role.ADMINISTRATOR, "cli")) as core:
        configuration = core.configuration
        while result["changes"] < COUNT:
            wish = Wish(values=random_change(chance))
            plan = configuration.plan(wish)
            if plan.is_empty:
                continue
            before = texts(configuration.live.link)
            configuration.deploy(wish, "plan and apply", lambda step: None, MANNER)
            after = texts(configuration.live.link)
            result["differences"] += shown_and_real(plan, before, after)
            running, steps = daemons(), []
            again = configuration.deploy(wish, "again", steps.append, MANNER)
            if again.generation is not None or steps or texts(configuration.live.link) != after:
                result["second"].append("the second deployment did something")
            if daemons() != running:
                result["second"].append("the second deployment touched a daemon")
            result["changes"] += 1
    sys.stdout.write(json.dumps(result))


main()
