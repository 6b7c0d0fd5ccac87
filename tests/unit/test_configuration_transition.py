"""The state machine of a deployment: what is decided in every state that a cut can leave behind."""

import itertools
import json

import pytest

from rupost_core.configuration.transition import File, GoBack, Nothing, Transition, Wait, decide
from rupost_core.host.clock import Moment

START = Moment(1_000_000.0, "boot-a", 500.0)
REACTIONS = {"postfix": "reload", "sogo": "restart", "nginx": "untouched"}


def later(seconds, boot="boot-a", wall_jump=0.0):
    since = START.steady + seconds if boot == START.boot else seconds
    return Moment(START.wall + seconds + wall_jump, boot, since)


def begun(former=4, target=5, confirm_within=None):
    return Transition(17, former, target, REACTIONS, "root", START, confirm_within)


MOVING = begun(confirm_within=600)
WAITING = MOVING.waiting(START)
RETURNING = MOVING.returning("a port is silent")
ENDED = [MOVING.ended(outcome, "why") for outcome in ("done", "refused", "rolled_back", "failed")]


def test_without_a_record_nothing_is_done():
    assert decide(None, 4, START) == Nothing()


def test_before_the_switch_it_is_forgotten():
    decision = decide(MOVING, 4, later(1))
    assert isinstance(decision, File)
    assert (decision.ended.phase, decision.ended.outcome) == ("ended", "failed")
    assert "nothing was changed" in decision.ended.message


@pytest.mark.parametrize("confirm_within", [None, 600])
def test_after_the_switch_it_goes_back(confirm_within):
    assert isinstance(decide(begun(confirm_within=confirm_within), 5, later(1)), GoBack)


def test_the_same_generation_again_may_have_been_taken_up_by_half():
    assert isinstance(decide(begun(former=5, target=5), 5, later(1)), GoBack)


@pytest.mark.parametrize("live", [4, 5])
def test_a_way_back_is_finished_for_its_first_reason(live):
    assert decide(RETURNING, live, later(1)) == GoBack("a port is silent")
    assert RETURNING.returning("another").reason == "a port is silent"


@pytest.mark.parametrize("ended", ENDED)
@pytest.mark.parametrize("live", [4, 5, 9])
def test_what_has_ended_is_filed_as_it_is(ended, live):
    assert decide(ended, live, later(1e6)) == File(ended)


@pytest.mark.parametrize("transition", [MOVING, WAITING, RETURNING])
def test_a_link_that_was_moved_by_hand_is_left_alone(transition):
    decision = decide(transition, 9, later(1))
    assert isinstance(decision, File) and decision.ended.outcome == "failed"


def test_a_waiting_one_whose_link_was_moved_back_by_hand_is_over():
    assert isinstance(decide(WAITING, 4, later(1)), File)


@pytest.mark.parametrize("seconds", [0, 1, 599.9])
def test_in_the_window_it_waits(seconds):
    decision = decide(WAITING, 5, later(seconds))
    assert isinstance(decision, Wait) and decision.seconds == pytest.approx(600 - seconds)


@pytest.mark.parametrize("seconds", [600, 601, 1e7])
def test_after_the_window_it_goes_back(seconds):
    decision = decide(WAITING, 5, later(seconds))
    assert isinstance(decision, GoBack) and "10m" in decision.reason


@pytest.mark.parametrize("jump", [-1e9, -3600, 3600, 1e9])
def test_setting_the_clock_neither_ends_nor_stretches_the_window(jump):
    assert isinstance(decide(WAITING, 5, later(599, wall_jump=jump)), Wait)
    assert isinstance(decide(WAITING, 5, later(601, wall_jump=jump)), GoBack)


def test_the_window_goes_on_while_the_node_is_down():
    assert decide(WAITING, 5, Moment(START.wall + 100, "boot-b", 5.0)) == Wait(500.0)
    assert isinstance(decide(WAITING, 5, Moment(START.wall + 601, "boot-b", 5.0)), GoBack)


def test_a_clock_that_lost_its_battery_cannot_stretch_the_window_for_ever():
    """It is asked once, at the start of the boot; from then on the boot's own clock counts."""
    boot = Moment(0.0, "boot-b", 5.0)
    assert decide(WAITING, 5, boot) == Wait(600.0)
    carried = WAITING.carried_over(boot)
    assert carried.carried_over(boot) == carried
    assert decide(carried, 5, Moment(599.0, "boot-b", 604.0)) == Wait(1.0)
    assert isinstance(decide(carried, 5, Moment(0.0, "boot-b", 605.0)), GoBack)


def test_the_time_before_a_reboot_counts_after_it():
    boot = Moment(START.wall + 100, "boot-b", 40_000.0)
    carried = WAITING.carried_over(boot)
    assert carried.remaining(boot) == 500.0
    assert carried.confirm_until == WAITING.confirm_until
    assert WAITING.carried_over(later(100)) == WAITING


@pytest.mark.parametrize("transition", [MOVING, WAITING, RETURNING, *ENDED])
def test_the_record_reads_back_as_it_was(transition):
    assert Transition.from_data(json.loads(json.dumps(transition.as_data()))) == transition


def test_a_newer_versions_record_is_read_and_a_stump_is_refused():
    assert Transition.from_data(WAITING.as_data() | {"colour": "blue"}) == WAITING
    for data in ({}, {"begun": {}}, {"begun": 3}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Transition.from_data(data)


def test_every_state_has_one_decision_and_leads_to_an_end():
    """Carrying out what is decided, from every phase and every place of the link, ends in at most two decisions."""
    phases = [begun(former, target, window) for former, target in ((0, 1), (4, 5), (5, 5)) for window in (None, 600)]
    states = [s for m in phases for s in (m, m.waiting(START), m.returning("x"), m.ended("done"))]
    checked = 0
    for state, live, seconds in itertools.product(states, (0, 1, 4, 5, 9), (0.0, 599.0, 601.0)):
        if state.phase == "waiting" and state.confirm_within is None:
            continue
        decision = decide(state, live, later(seconds))
        if isinstance(decision, Wait):
            assert state.phase == "waiting" and live == state.target
            decision = decide(state, live, later(10_000))
        if isinstance(decision, GoBack):
            back = state.returning(decision.reason)
            assert isinstance(decide(back, back.former, later(seconds)), GoBack)
            decision = decide(back.ended("rolled_back", back.reason), back.former, later(seconds))
        assert isinstance(decision, File) and decision.ended.phase == "ended"
        checked += 1
    assert checked > 250
