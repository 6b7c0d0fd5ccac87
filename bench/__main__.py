"""`make bench`: measurements on a lab node, each beside its peer in one run, as ratios and differences.

The measuring scripts run on the node itself and take both sides in turn, so that what else the machine does weighs on
both alike. Results go to standard output and into bench/last.md, with the date.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
PYTHON = "/usr/lib/rupost/venv/bin/python3"


def main() -> int:
    _lab("up", "single")
    lines = [f"Measured {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC on a lab node; medians.", ""]
    lines += [*_render_beside_check(), "", *_deployment_beside_checkers(), "", *_shadow_start(), "", *_drift(), ""]
    lines += _start_beside_python()
    text = "\n".join(lines) + "\n"
    (HERE / "last.md").write_text(text)
    print(text)
    return 0


def _render_beside_check() -> list[str]:
    found = _on_node("render_and_check.py")
    ratio = found["render"] / found["check"]
    return [
        "| rendering beside checking, all files of a node | median |",
        "|---|---|",
        f"| rendering {found['files']} files | {found['render'] * 1000:.1f} ms |",
        f"| the five components' own checkers, one after another | {found['check'] * 1000:.0f} ms |",
        f"| **ratio** (goal: at most 0.1) | **{ratio:.3f}** |",
        *(
            f"| … {name}{' (started for a moment; not counted)' if name == 'memcached' else ''} "
            f"| {seconds * 1000:.0f} ms |"
            for name, seconds in found["each"].items()
        ),
    ]


def _deployment_beside_checkers() -> list[str]:
    found = _on_node("deploy.py")
    base = next(iter(found.values()))
    return [
        "| a deployment that changes Postfix alone, beside the checkers alone | median | ratio |",
        "|---|---|---|",
        *(f"| {name} | {seconds:.2f} s | {seconds / base:.1f} |" for name, seconds in found.items()),
    ]


def _shadow_start() -> list[str]:
    found = _on_node("shadow.py")
    return [
        "| shadow start (goal: at most 6 s) | |",
        "|---|---|",
        f"| median, slowest of {found['runs']} | {found['shadow']:.2f} s, {found['shadow_slowest']:.2f} s |",
        f"| the checkers beside it | {found['checkers']:.2f} s |",
        f"| memory of the shadow (PSS) | {found['memory_bytes'] / 2**20:.0f} MiB |",
    ]


def _drift() -> list[str]:
    found = _on_node("drift.py")
    return [
        f"| drift: {found['edits']} edits by hand, until they are told (goal: at most 2 s) | |",
        "|---|---|",
        f"| median, slowest | {found['median'] * 1000:.0f} ms, {found['maximum'] * 1000:.0f} ms |",
    ]


def _start_beside_python() -> list[str]:
    found = _on_node("start.py")
    base = found.pop("python3 -c pass")
    return [
        "| start beside `python3 -c pass` | median | difference (goal: at most +250 ms) |",
        "|---|---|---|",
        f"| `python3 -c pass` | {base * 1000:.0f} ms | |",
        *(f"| `{name}` | {s * 1000:.0f} ms | **+{(s - base) * 1000:.0f} ms** |" for name, s in found.items()),
    ]


def _on_node(script: str) -> dict[str, Any]:
    _lab("put", "node1", str(HERE / "node" / script), f"/root/{script}")
    done = subprocess.run(
        [ROOT / "lab/lab", "sh", "node1", PYTHON, f"/root/{script}"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _lab(*arguments: str) -> None:
    subprocess.run([ROOT / "lab/lab", *arguments], check=True, timeout=900)


if __name__ == "__main__":
    sys.exit(main())
