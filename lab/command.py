"""The command line: parses, calls, shows. Standard output is data, standard error is narration."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import image, lock, node, preflight, scenario, setup, teardown
from lab.errors import LabError, Misuse
from lab.layout import PLACES, Place, place
from lab.progress import say, step
from lab.run import environment


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (see errors.py)."""
    options = _parser().parse_args(argv)
    try:
        return int(options.act(options) or 0)
    except LabError as failed:
        say(str(failed))
        return failed.exit_code
    except KeyboardInterrupt:
        say("interrupted; `lab down` removes what is half made")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Real RuPost nodes on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("image", help="build the base image, if it is not there yet")
    command.set_defaults(act=_image)

    command = commands.add_parser("up", help="bring a scenario up")
    command.add_argument("scenario", choices=["single"], help="single: node1 and the directory dir1")
    command.add_argument("--bare", action="store_true", help="nodes and directory only, no product")
    command.add_argument("--deb", type=Path, metavar="PATH", help="the package to install (default: the newest here)")
    command.add_argument("--fresh", action="store_true", help="take down what is up first")
    command.set_defaults(act=_up)

    command = commands.add_parser("info", help="addresses, people, passwords")
    command.add_argument("--json", action="store_true", help="as one JSON object")
    command.set_defaults(act=_info)

    command = commands.add_parser("sh", help="run a command in a node (default: a shell)")
    command.add_argument("node", metavar="NODE")
    command.add_argument("words", metavar="CMD", nargs=argparse.REMAINDER)
    command.set_defaults(act=_sh)

    command = commands.add_parser("put", help="copy a file into a node")
    command.add_argument("node", metavar="NODE")
    command.add_argument("source", metavar="SRC", type=Path)
    command.add_argument("target", metavar="DST")
    command.set_defaults(act=_put)

    command = commands.add_parser("down", help="remove every trace of the lab but its images and certificates")
    command.set_defaults(act=_down)
    return parser


def _image(_: argparse.Namespace) -> None:
    preflight.check()
    with lock.held("lab image"):
        print(image.ensure())


def _up(options: argparse.Namespace) -> None:
    if options.bare and options.deb:
        raise Misuse("--bare installs nothing, so --deb has no meaning beside it")
    deb = None if options.bare else options.deb or setup.find_deb()
    if deb is not None and not deb.is_file():
        raise Misuse(f"{deb}: not a file")
    preflight.check()
    with lock.held(f"lab up {options.scenario}"), step(f"up {options.scenario}"):
        scenario.up_single(deb=deb, fresh=options.fresh)


def _info(options: argparse.Namespace) -> None:
    facts = scenario.describe()
    if options.json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_table(facts)))


def _table(facts: dict[str, Any]) -> list[str]:
    rows = [("domain", facts["domain"]), ("mail host", facts["mail_host"]), ("authority", facts["ca"])]
    rows += [(f"node {name}", facts["address"]) for name, facts in facts["nodes"].items()]
    for name, details in facts["directories"].items():
        rows += [
            (f"directory {name}", details["address"]),
            *((f"  {key}", text) for key, text in details.items()),
        ]
    rows += [
        (who["login"], f"{who['address']}  {who['name']}  password: {who['password']}") for who in facts["people"]
    ]
    return [f"{name:<18}{text}" for name, text in rows]


def _sh(options: argparse.Namespace) -> None:
    preflight.require_root()
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    argv = node.entering(_place(options.node), words or ["bash", "-l"])
    sys.stdout.flush()
    # Replaces this process: exit status, signals, terminal and streams are the command's own.
    os.execvpe(argv[0], argv, environment())  # noqa: S606 - no shell is the aim


def _put(options: argparse.Namespace) -> None:
    preflight.require_root()
    node.put(_place(options.node), options.source, options.target)


def _down(_: argparse.Namespace) -> None:
    preflight.require_root()
    with lock.held("lab down"), step("down"):
        if not teardown.down():
            say("nothing was up")


def _place(name: str) -> Place:
    found = place(name)
    if found is None:
        raise Misuse(f"no node {name}; there are {', '.join(known.name for known in PLACES)}")
    return found
