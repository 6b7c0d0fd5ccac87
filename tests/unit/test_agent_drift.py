"""The agent's duty on real files and the real kernel: every kind of edit is seen in time, and nothing else is."""

import logging
import shutil
import threading
import time
from dataclasses import replace

import pytest

from rupost_core.agent.drift import DriftWatch, Sightings
from rupost_core.configuration.live_folder import LiveFolder
from rupost_core.operation import Actor, Role
from tests.unit.test_configuration_drift import EDITS, FILES, MAIN, at, folder  # noqa: F401 - a fixture

IN_TIME_SECONDS = 2.0


@pytest.fixture
def watch(folder, caplog):  # noqa: F811
    caplog.set_level(logging.INFO)
    sightings = Sightings()
    stop = threading.Event()
    duty = DriftWatch(Actor("rupost", Role.OPERATOR, "service"), sightings, folder.live)
    thread = threading.Thread(target=duty.run, args=(stop,), daemon=True)
    thread.start()
    assert sightings.changed.wait(IN_TIME_SECONDS), "the first comparison was not made"
    yield sightings
    stop.set()
    thread.join(3)
    assert not thread.is_alive()


def seen(sightings, expected, within=IN_TIME_SECONDS):
    until = time.monotonic() + within
    while time.monotonic() < until:
        kinds = {path: sighting.drift.kind for path, sighting in sightings.get().items()}
        if kinds == expected:
            return
        time.sleep(0.01)
    assert {path: sighting.drift.kind for path, sighting in sightings.get().items()} == expected


@pytest.mark.parametrize("name", EDITS)
def test_every_kind_of_edit_is_seen_in_time_and_so_is_its_end(folder, watch, name, caplog):  # noqa: F811
    edit, expected = EDITS[name]
    edit(folder)
    seen(watch, dict(expected))
    for path, _kind in expected:
        assert f"changed by hand: {path}: " in caplog.text
    folder.put_right(folder.drifts())
    seen(watch, {})
    assert "as deployed again: " in caplog.text


def test_what_was_changed_before_the_start_is_seen(folder, caplog):  # noqa: F811
    at(folder, MAIN).write_text("mine")
    sightings, stop = Sightings(), threading.Event()
    duty = DriftWatch(Actor("rupost", Role.OPERATOR, "service"), sightings, folder.live)
    thread = threading.Thread(target=duty.run, args=(stop,), daemon=True)
    thread.start()
    seen(sightings, {MAIN: "changed"})
    stop.set()
    thread.join(3)


def test_a_file_that_stays_open_while_it_is_written(folder, watch):  # noqa: F811
    with at(folder, MAIN).open("a") as file:
        file.write("x")
        file.flush()
        seen(watch, {MAIN: "changed"})


def test_deployments_are_no_drift_and_the_watch_follows_them(folder, watch, caplog):  # noqa: F811
    for number in range(2, 12):
        files = tuple(replace(file, content=f"{number}\n") for file in FILES)
        folder.live.stage(number, files)
        folder.live.switch(number)
        time.sleep(0.05)
    time.sleep(0.5)
    assert watch.get() == {}
    assert "changed by hand" not in caplog.text
    (folder.live.link / MAIN).write_text("mine")
    seen(watch, {MAIN: "changed"})
    folder.live.switch(1)
    seen(watch, {})
    at(folder, MAIN).write_text("mine")
    seen(watch, {MAIN: "changed"})


def test_putting_right_is_no_drift(folder, watch, caplog):  # noqa: F811
    at(folder, MAIN).write_text("mine")
    seen(watch, {MAIN: "changed"})
    caplog.clear()
    for _round in range(5):
        LiveFolder(folder.live, 1, FILES).put_right(folder.drifts())
        time.sleep(0.05)
    seen(watch, {})
    assert "changed by hand" not in caplog.text


def test_a_second_edit_of_the_same_file_is_told_too(folder, watch, caplog):  # noqa: F811
    for text in ("mine", "mine again"):
        caplog.clear()
        at(folder, MAIN).write_text(text)
        until = time.monotonic() + IN_TIME_SECONDS
        while "changed by hand" not in caplog.text and time.monotonic() < until:
            time.sleep(0.01)
        assert f"changed by hand: {MAIN}" in caplog.text


def test_a_folder_made_anew_is_watched_again(folder, watch):  # noqa: F811
    shutil.rmtree(at(folder, "postfix"))
    seen(watch, {"postfix": "removed", "postfix/main": "removed", "postfix/maps": "removed",
                 "postfix/maps/secret": "removed"})  # fmt: skip
    folder.put_right(folder.drifts())
    seen(watch, {})
    at(folder, MAIN).write_text("mine")
    seen(watch, {MAIN: "changed"})


def test_a_thousand_passing_files_are_no_drift_and_cost_little(folder, watch, caplog):  # noqa: F811
    """As a program does that writes temporary files there; the kernel's queue may even run over."""
    started = time.process_time()
    for number in range(1000):
        path = at(folder, f"postfix/t{number}")
        path.touch()
        path.unlink()
    seen(watch, {})
    at(folder, MAIN).chmod(0o600)
    seen(watch, {MAIN: "attributes"})
    assert time.process_time() - started < 2
