"""Power cuts: only what had reached the disk at a random moment is there after the boot.

The configuration lies on an ext4 of its own, in an image behind a loop device. The deploying process is stopped
before a random writing call, and the image's bytes are copied: what the kernel still holds in memory for the mounted
file system is not among them. The copy is mounted (its journal is replayed) as after a reboot. `make test` cuts 4
times, RUPOST_SWEEP=1 60 times.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.cut_short import WINDOW, Gate, Node, forked

CUTS = 60 if os.environ.get("RUPOST_SWEEP") == "1" else 4
SEED = 20261124
# Nothing is written back but what is synced: the journal is not committed by itself while the test runs.
OPTIONS = "loop,commit=300"


def kept(node):
    node.deploy(2)


def falls(node):
    node.host.serves = lambda number: number != 2
    node.deploy(2)


def confirmed(node):
    node.deploy(2, confirm_within=WINDOW)
    node.confirm()


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-o", OPTIONS, image, folder], check=True, timeout=60)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, timeout=60)


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Path:
    """An image with generation 1 on it, and beside it what its daemons have loaded."""
    folder = tmp_path_factory.mktemp("origin")
    image = folder / "disk"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, timeout=60)
    with mounted(image, folder / "mounted") as root:
        Node(folder, root / "configuration").prepare()
    return folder


def cut(origin: Path, folder: Path, play, limit: int) -> tuple[Path, int]:
    """The disk as the cut leaves it, and 0, or the number of gates when `play` came to its end."""
    folder.mkdir()
    shutil.copy(origin / "disk", folder / "disk")
    shutil.copytree(origin / "daemons", folder / "daemons")
    with mounted(folder / "disk", folder / "mounted") as root:
        node = Node(folder, root / "configuration")
        gate = Gate(limit, signal.SIGSTOP)
        node.host.gate = gate
        child, passed = forked(lambda: play(node), gate, sync=True)
        shutil.copy(folder / "disk", folder / "after")
        if not passed:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return folder / "after", passed


@pytest.fixture(scope="module")
def gates(origin, tmp_path_factory) -> dict[object, int]:
    folder = tmp_path_factory.mktemp("whole")
    return {play: cut(origin, folder / play.__name__, play, 0)[1] for play in (kept, falls, confirmed)}


@pytest.mark.parametrize("number", range(CUTS))
def test_after_a_power_cut_the_node_is_wholly_old_or_wholly_new(origin, gates, tmp_path, number):
    chosen = random.Random(SEED + number)
    play = (kept, falls, confirmed)[number % 3]
    limit = chosen.randint(gates[play] // 3, gates[play])
    disk, passed = cut(origin, tmp_path / "cut", play, limit)
    assert passed == 0
    with mounted(disk, tmp_path / "booted") as root:
        node = Node(tmp_path / "cut", root / "configuration")
        node.boot = "boot-b"
        with node.live.lock():
            node.recovery().settle_link()
        node.host.power_on()
        node.is_whole((1, 2))
        node.recover()
        waiting = node.live.record.load()
        if waiting is not None:
            assert play is confirmed and node.is_whole((2,))
            node.seconds = WINDOW * 2
            node.recover()
        live = node.is_whole((1, 2) if play is not falls else (1,))
        for ended in node.live.record.outcomes():
            assert (ended.outcome == "done") == (live == 2)
        print(f"{play.__name__} at {limit} of {gates[play]}: generation {live}")


def test_what_is_not_synced_is_not_on_the_disk(origin, tmp_path):
    """The method can fail: a file that was only written is lost with the power."""

    def write_without_sync(node):
        (node.live.root / "unsynced").write_text("x" * 5000)
        node.host.gate()

    disk, _passed = cut(origin, tmp_path / "cut", write_without_sync, 1)
    with mounted(disk, tmp_path / "booted") as root:
        path = root / "configuration/unsynced"
        assert not path.exists() or path.stat().st_size == 0
