"""The steps in their order, what is said of them, and what is asked of systemd."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rupost_core.errors import CertificateError, CommandFailed
from wizard import actions as actions_module
from wizard.actions import EVACUATOR_TIMER, LISTS_TIMER, SERVICES, actions
from wizard.flow import Outcome, Report, Result, go
from wizard.steps import STEPS, Step


class Recorder:
    def __init__(self) -> None:
        self.began_keys: list[str] = []
        self.reports: list[Report] = []

    def began(self, step: Step) -> None:
        self.began_keys.append(step.key)

    def ended(self, report: Report) -> None:
        self.reports.append(report)


def ticking() -> Any:
    seconds = iter(range(100))
    return lambda: float(next(seconds))


def test_every_step_in_order_each_with_its_time() -> None:
    recorder = Recorder()
    go({step.key: lambda: Result(Outcome.DONE, "x") for step in STEPS}, recorder, ticking())
    assert recorder.began_keys == [step.key for step in STEPS]
    assert [report.seconds for report in recorder.reports] == [1.0] * 8
    assert recorder.reports[0].as_data() == {
        "number": 1, "key": "databases", "title": STEPS[0].title, "outcome": "done", "seconds": 1.0, "message": "x",
    }  # fmt: skip


def test_the_first_error_ends_it_and_is_reported() -> None:
    recorder = Recorder()

    def fail() -> Result:
        raise CertificateError("no")

    steps = {step.key: lambda: Result(Outcome.PRESENT) for step in STEPS} | {"certificate": fail}
    with pytest.raises(CertificateError):
        go(steps, recorder, ticking())
    assert [report.outcome for report in recorder.reports] == ["present", "present", "failed"]
    assert recorder.reports[-1].message == "no"


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What is asked of systemd, and which units it says are enabled and active."""
    state = SimpleNamespace(calls=[], up=set(), probes=[], dies="")

    def act(action: str, unit: str) -> None:
        state.calls.append((action, unit))
        if unit != state.dies:
            state.up.add(unit)

    monkeypatch.setattr(actions_module.units, "is_enabled", lambda unit: unit in state.up)
    monkeypatch.setattr(actions_module.units, "is_active", lambda unit: unit in state.up)
    monkeypatch.setattr(actions_module.units, "enable_now", lambda unit: state.calls.append(("enable --now", unit)))
    monkeypatch.setattr(actions_module.units, "act", act)
    monkeypatch.setattr(actions_module.units, "last_log_lines", lambda unit: [f"{unit}: last words"])
    monkeypatch.setattr(actions_module, "wait_for_panel", lambda *probe: state.probes.append(probe))
    return state


def core() -> Any:
    pair = SimpleNamespace(certificate=SimpleNamespace(chain_pem="CHAIN"))
    return SimpleNamespace(
        settings=SimpleNamespace(node_name="node1", node_address="10.0.0.1"),
        cluster=SimpleNamespace(register=lambda: None),
        certificates=SimpleNamespace(pair_in_use=lambda kind: pair),
    )


def test_timers_and_services_are_started_once(systemd: SimpleNamespace) -> None:
    do = actions(core(), services=True)
    assert do["evacuator"]().outcome is Outcome.DONE and do["lists"]().outcome is Outcome.DONE
    assert systemd.calls == [("enable --now", EVACUATOR_TIMER), ("enable --now", LISTS_TIMER)]
    systemd.up = {EVACUATOR_TIMER, LISTS_TIMER}
    assert do["evacuator"]().outcome is Outcome.PRESENT
    assert len(systemd.calls) == 2


def test_services_are_restarted_also_when_they_run(systemd: SimpleNamespace) -> None:
    do = actions(core(), services=True)
    assert do["services"]().outcome is Outcome.DONE
    assert do["services"]().outcome is Outcome.PRESENT
    once = [(verb, unit) for unit in SERVICES for verb in ("enable", "restart")]
    assert systemd.calls == once * 2
    assert systemd.probes[0][:2] == ("CHAIN", 5000)


def test_a_service_that_ends_at_once_is_an_error(systemd: SimpleNamespace) -> None:
    systemd.dies = "rupost-scheduler.service"
    with pytest.raises(CommandFailed) as caught:
        actions(core(), services=True)["services"]()
    assert caught.value.details == ["rupost-scheduler.service: last words"]


def test_no_services_asks_systemd_for_nothing(systemd: SimpleNamespace) -> None:
    do = actions(core(), services=False)
    assert [do[key]().outcome for key in ("evacuator", "lists", "services")] == [Outcome.SKIPPED] * 3
    assert systemd.calls == [] and systemd.probes == []


def test_a_unit_that_does_not_start_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    from rupost_core.host import units

    def fail(*_words: object, **_options: object) -> None:
        raise CommandFailed("systemctl failed")

    monkeypatch.setattr(units, "run", fail)
    monkeypatch.setattr(units, "last_log_lines", lambda unit, count=6: [f"{unit}: boom"])
    with pytest.raises(CommandFailed) as caught:
        units.enable_now("x.timer")
    assert caught.value.details == ["x.timer: boom"]


def test_the_address_that_others_reach_this_node_by() -> None:
    from ipaddress import ip_address

    from rupost_core.host import identity

    for hosts in ([], ["127.0.0.1"], ["localhost"], ["no-such-host.invalid"], ["::1", "127.0.0.1"]):
        address = identity.address_towards(hosts)
        assert not address or not ip_address(address).is_loopback
    assert identity.short_name() and "." not in identity.short_name()
    assert identity.full_name()
