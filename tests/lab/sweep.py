"""Runs on a node: brings broken and valid configurations before the product's own walls, many in one process.

    python3 sweep.py {broken|valid} --seed N [--first N --count N | --pick N,N,…] [--until WALL] [--only PATTERN]

Prints one JSON object a line. Each is staged and examined as a deployment does it (deploy.py), up to the switch,
which never comes. `tests/broken` lies beside this file. Of the valid ones every 50th is also started in the shadow.
"""

import argparse
import dataclasses
import functools
import hashlib
import itertools
import json
import os
import re
import sys
import time

from rupost_core import i18n, settings
from rupost_core.components import registry
from rupost_core.components.model import StagedView
from rupost_core.configuration.blame import blame
from rupost_core.configuration.deploy import NodeDeployment
from rupost_core.configuration.host_facts import gather_facts
from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.lint import lint
from rupost_core.configuration.lint_wall import Lint
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from rupost_core.configuration.shadow.wall import Shadow
from rupost_core.configuration.surroundings import gather
from rupost_core.configuration.walls import WALLS, Candidate, Checkers
from rupost_core.core import Core
from rupost_core.errors import CheckFailed, RupostError
from rupost_core.operation import Actor, Role
from tests.broken.factory import mutations
from tests.broken.valid import valid_settings

STAGED_NUMBER = 999_999
SHADOWED_EVERY = 50
TEMPLATE = next(template for template in builtin_templates() if template.spec.name == "standalone")


class Bench:
    """The node's surroundings, and the walls in their order."""

    def __init__(self) -> None:
        self.settings = settings.load()
        self.core = Core(self.settings, Actor("root", Role.ADMINISTRATOR, "cli"))
        self.live = LiveConfiguration()
        with self.core.desk.transaction() as connection:
            self.surroundings = gather(connection, self.core.desk, self.live)

    def base(self) -> dict[str, object]:
        """Parameters of the sound configuration; with a relay host, so that its password file is read too."""
        host = self.core.configuration.show().parameters["mail_host"]
        relay = {"relay_host": "127.0.0.1:587", "relay_user": "corp", "relay_password": "some password"}
        return {"mail_host": host} | relay

    def most(self) -> dict[str, int]:
        """What this host can do of what the template allows."""
        facts = gather_facts(self.settings, str(self.live.link), ())
        return {"max_connections": facts.open_files // 2 - 100, "memcached_memory": facts.memory_bytes // 2**21}

    def examine(self, values, surroundings, files, until):
        """(wall that refused or "", its problems, blamed) of a rendered generation."""
        facts = gather_facts(self.settings, str(self.live.link), surroundings.domains)
        node = (self.settings.node_name, self.settings.node_address)
        walls = [Lint(facts), Checkers(registry.ALL), Shadow(node, self.core.configuration.inhabitants)]
        found, steps = [], []

        def blamed(problems):
            found.extend(blame(TEMPLATE, values, surroundings, files, problems, lint_again))
            return found

        def lint_again(changed):
            return [finding.problem for finding in lint(changed, facts) if finding.severity == "error"]

        deployment = NodeDeployment(
            self.live, registry.ALL, None, steps.append, tuple(walls[: WALLS.index(until) + 1]), blame=blamed
        )
        staged = self.live.stage(STAGED_NUMBER, files)
        try:
            deployment._examine(Candidate(files, StagedView(staged, self.live.link)))
        except CheckFailed:
            return next(step.name for step in steps if step.outcome == "refused"), found
        return "", found


def speak(language: str) -> None:
    os.environ["RUPOST_LANGUAGE"] = language
    i18n.language.cache_clear()


def in_both(produce):
    """What `produce` gives in English and in Russian."""
    speak("ru")
    russian = produce()
    speak("en")
    return produce(), russian


def broken_ones(bench: Bench, seed: int):
    base = bench.base()
    sound = resolve(TEMPLATE.spec, base)
    files = render(TEMPLATE, sound, bench.surroundings)
    for one in mutations(TEMPLATE, base, bench.surroundings, seed):
        yield one, sound, files


def try_broken(bench: Bench, one, sound, files, until: str) -> dict:
    result = {"name": one.name, "way": one.way, "expects": {
        "files": one.files, "line": one.line, "parameter": one.parameter, "parameter_line": one.parameter_line,
        "typed": one.typed, "elsewhere": one.elsewhere,
    }}  # fmt: skip
    values, candidate = sound, one.apply(files)
    if one.settings:
        refusals = in_both(lambda: refused_by_typing(one.settings))
        if refusals[0] is not None:
            return result | {"wall": "typing", "en": refusals[0], "ru": refusals[1], "problems": []}
        values = resolve(TEMPLATE.spec, one.settings)
        candidate = render(TEMPLATE, values, bench.surroundings)
    wall, problems = bench.examine(values, bench.surroundings, candidate, until)
    said = in_both(lambda: [str(problem) for problem in problems])
    return result | {
        "wall": wall, "en": said[0], "ru": said[1], "problems": [dataclasses.asdict(problem) for problem in problems]
    }  # fmt: skip


def refused_by_typing(given):
    """The messages, or None when typing finds nothing wrong."""
    try:
        resolve(TEMPLATE.spec, given)
    except RupostError as error:
        return [error.message, *error.details]
    return None


def try_valid(bench: Bench, one, until: str) -> dict:
    surroundings = one.surround(bench.surroundings)
    values = resolve(TEMPLATE.spec, one.settings)
    wall, problems = bench.examine(values, surroundings, render(TEMPLATE, values, surroundings), until)
    return {"name": one.name, "wall": wall, "en": [str(problem) for problem in problems], "until": until,
            "settings": {key: str(value)[:80] for key, value in one.settings.items()} if wall else {}}  # fmt: skip


def state_of(live: LiveConfiguration) -> str:
    """A fingerprint of everything live: the link, and every file's path, rights and content."""
    digest = hashlib.sha256(os.readlink(live.link).encode())
    for path in sorted(live.link.resolve().rglob("*")):
        status = path.stat()
        digest.update(f"{path} {status.st_mode} {status.st_uid} {status.st_gid} {status.st_mtime_ns}".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def cases_of(bench: Bench, wish: argparse.Namespace):
    """(name, what tries it) of everything there is."""
    if wish.kind == "broken":
        for one, sound, files in broken_ones(bench, wish.seed):
            yield one.name, functools.partial(try_broken, bench, one, sound, files, wish.until)
        return
    base = {"mail_host": bench.base()["mail_host"]}
    for number, one in enumerate(valid_settings(TEMPLATE.spec, base, wish.seed, bench.most())):
        in_shadow = wish.until == "shadow" and number % SHADOWED_EVERY == 0
        until = "shadow" if in_shadow else "checkers"
        yield one.name, functools.partial(try_valid, bench, one.reachable() if in_shadow else one, until)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("broken", "valid"))
    parser.add_argument("--until", choices=WALLS, default="shadow")
    parser.add_argument("--only", default="")
    parser.add_argument("--pick", type=lambda text: {int(part) for part in text.split(",")}, default=set())
    for name in ("seed", "first", "count"):
        parser.add_argument(f"--{name}", type=int, default=0)
    wish = parser.parse_args()
    speak("en")
    bench = Bench()
    before = state_of(bench.live)
    wanted = (case for case in cases_of(bench, wish) if re.search(wish.only, case[0]))
    chosen = itertools.islice(wanted, wish.first, wish.first + wish.count)
    if wish.pick:
        chosen = (case for number, case in enumerate(wanted) if number in wish.pick)
    for _name, attempt in chosen:
        started = time.monotonic()
        result = attempt()
        result["seconds"] = round(time.monotonic() - started, 3)
        result["live_untouched"] = state_of(bench.live) == before
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
