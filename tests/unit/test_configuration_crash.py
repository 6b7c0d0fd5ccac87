"""kill -9 at every writing call and every request to a daemon: the node is wholly old or wholly new.

`make test` takes a seeded sample of the points, RUPOST_SWEEP=1 takes all of them.
"""

from __future__ import annotations

import os
import random
import shutil
import signal

import pytest

from tests.unit.cut_short import NAMES, WINDOW, Gate, Node, forked

SWEEP = os.environ.get("RUPOST_SWEEP") == "1"
SEED = 20261124
SAMPLE = 12


def kept(node):
    node.deploy(2)


def falls(node):
    node.host.serves = lambda number: number != 2
    node.deploy(2)


def again_with_force(node):
    node.deploy(1, dict.fromkeys(NAMES, "restart"))


def confirmed(node):
    node.deploy(2, confirm_within=WINDOW)
    node.seconds += WINDOW / 2
    node.confirm()


def expired(node):
    node.deploy(2, confirm_within=WINDOW)
    node.seconds += WINDOW + 1
    node.recover()


def first(node):
    node.deploy(1, dict.fromkeys(NAMES, "start"))


def first_falls(node):
    node.host.serves = lambda number: number == 0
    node.deploy(1, dict.fromkeys(NAMES, "start"))


# scenario -> (the former generation, the generations that may be live afterwards)
SCENARIOS = {
    kept: (1, (1, 2)),
    falls: (1, (1,)),
    again_with_force: (1, (1,)),
    confirmed: (1, (1, 2)),
    expired: (1, (1,)),
    first: (0, (0, 1)),
    first_falls: (0, (0,)),
}


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda scenario: scenario.__name__)
def scenario(request, tmp_path_factory):
    former, possible = SCENARIOS[request.param]
    origin = Node(tmp_path_factory.mktemp("origin"), former=former)
    origin.prepare()
    return request.param, former, possible, origin


class Trial:
    """A copy of the origin on which the scenario is cut short."""

    def __init__(self, scenario, folder):
        self.play, self.former, self.possible, origin = scenario
        shutil.copytree(origin.folder, folder, symlinks=True)
        self.node = Node(folder, former=self.former)

    def cut(self, limit, work=None):
        """Whether it was cut short, and otherwise how many gates it has."""
        gate = Gate(limit)
        self.node.host.gate = gate
        status, passed = forked(work or (lambda: self.play(self.node)), gate)
        self.node.host.gate = lambda: None
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0)
        return killed, passed

    def settle(self):
        """Recovery as the agent does it: at once, and again when a window has gone by; then nothing is left to do."""
        node = self.node
        node.recover()
        if node.live.record.load() is not None:
            assert node.is_whole((*self.possible, 2)) == 2
            assert self.play in (confirmed, expired)
            node.seconds = 10 * WINDOW
            node.recover()
        before, asked = node.picture(), list(node.host.log)
        assert node.recover() is None
        assert node.picture() == before
        assert node.host.log == asked
        assert node.live.record.load() is None
        return node.is_whole(self.possible)

    def check_outcome(self, live):
        outcomes = self.node.live.record.outcomes()
        assert len(outcomes) <= 1
        for ended in outcomes:
            if ended.outcome == "done":
                assert live == ended.target
            else:
                assert live == self.former, ended
        # The half of a record that was never whole is cleared away before the next one is written.
        known = (".staging", ".transition", ".2.", ".1.") if outcomes else (".staging",)
        assert [path.name for path in self.node.live.root.rglob(".*") if path.name.startswith(known)] == []


def points(scenario, tmp_path):
    trial = Trial(scenario, tmp_path / "whole")
    killed, gates = trial.cut(0)
    assert not killed and gates > 40
    trial.check_outcome(trial.settle())
    everything = range(1, gates + 1)
    return everything if SWEEP else sorted(random.Random(SEED).sample(everything, min(SAMPLE, gates)))


def test_cut_short_anywhere_it_is_wholly_old_or_wholly_new(scenario, tmp_path, record_property):
    tried = points(scenario, tmp_path)
    ended = []
    for limit in tried:
        trial = Trial(scenario, tmp_path / str(limit))
        assert trial.cut(limit)[0]
        live = trial.settle()
        trial.check_outcome(live)
        ended.append(live)
        shutil.rmtree(tmp_path / str(limit))
    record_property("points", len(tried))
    print(f"{scenario[0].__name__}: {len(tried)} points, live afterwards: "
          f"{ {number: ended.count(number) for number in set(ended)} }")  # fmt: skip


def test_a_recovery_that_is_cut_short_itself_is_begun_again(scenario, tmp_path):
    """At each of some points, the recovery is killed at every gate (in the sample: at some), then recovers anew."""
    chosen = random.Random(SEED)
    tried = points(scenario, tmp_path)
    tried = tried if not SWEEP else sorted(chosen.sample(list(tried), 40))
    count = 0
    for limit in tried if SWEEP else tried[::4]:
        gates = None
        second = 0
        while gates is None:
            second += 1 if SWEEP else chosen.randint(1, 12)
            folder = tmp_path / f"{limit}-{second}"
            trial = Trial(scenario, folder)
            assert trial.cut(limit)[0]
            killed, passed = trial.cut(second, trial.node.recover)
            gates = None if killed else passed
            count += killed
            trial.check_outcome(trial.settle())
            shutil.rmtree(folder)
    print(f"{scenario[0].__name__}: {count} recoveries cut short")


def test_after_a_boot_the_link_is_right_before_any_daemon_starts(scenario, tmp_path):
    """The node is switched off, not only the process: the daemons start with what `settle_link` leaves."""
    for limit in list(points(scenario, tmp_path))[:: 1 if not SWEEP else 3]:
        trial = Trial(scenario, tmp_path / str(limit))
        assert trial.cut(limit)[0]
        node = trial.node
        node.boot, node.seconds = "boot-b", 7.0
        with node.live.lock():
            node.recovery().settle_link()
        link = node.live.current()
        node.host.power_on()
        node.is_whole((0, 1, 2))
        live = trial.settle()
        assert live == link or trial.play in (confirmed, expired)
        trial.check_outcome(live)
        shutil.rmtree(tmp_path / str(limit))
