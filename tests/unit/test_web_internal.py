"""`rupost internal`: what the units run, on a real database; and the pure decisions in it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from database_gate import Gate
from sqlalchemy import text

from rupost_cli.internal import ACTOR
from rupost_cli.scheduler import JOB_SECONDS, Scheduler
from rupost_core.certificates.expiry import expiring, in_use
from rupost_core.certificates.material import read_material
from rupost_core.certificates.model import Certificate, self_signed
from rupost_core.cluster.model import Node
from rupost_core.cluster.silence import silent
from rupost_core.core import Core
from rupost_core.settings import Settings, dump

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def certificate(name: str, kind: str, days: float) -> Certificate:
    return Certificate(name, kind, "CN=x", (), "CN=x", "1", NOW, NOW + timedelta(days=days), "", False, "a", NOW)


@pytest.fixture
def gate(settings: Settings) -> Iterator[Gate]:
    gate = Gate(settings.database.hosts[0][1])
    yield gate
    gate.close()


def behind(gate: Gate, settings: Settings) -> Core:
    through = replace(settings.database, hosts=(("127.0.0.1", gate.port),))
    return Core(replace(settings, database=through), ACTOR, pool_size=2)


def start(settings: Settings, directory: Path, *words: str) -> subprocess.Popen[str]:
    (directory / "config.json").write_text(dump(settings))
    environment = {
        **os.environ,
        "RUPOST_CONFIG": str(directory / "config.json"),
        "RUPOST_MONITOR_LOG": str(directory / "monitor.log"),
        "RUPOST_LANGUAGE": "en",
    }
    return subprocess.Popen([sys.executable, "-m", "rupost_cli", "internal", *words], env=environment, cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


def run(settings: Settings, directory: Path, *words: str) -> tuple[int, str, str]:
    process = start(settings, directory, *words)
    said = process.communicate(timeout=60)
    return process.returncode, *said


def test_only_certificates_in_use_and_only_soon() -> None:
    certificates = [
        certificate("new-mail", "mail", 10),
        certificate("panel", "control_panel", 200),
        certificate("old-mail", "mail", 1),
    ]
    assert [one.name for one in in_use(certificates)] == ["new-mail", "panel"]
    assert [(one.certificate.name, one.days) for one in expiring(certificates, NOW)] == [("new-mail", 10)]


def test_the_edge_of_thirty_days_and_what_has_expired() -> None:
    certificates = [certificate("a", "mail", 30), certificate("b", "control_panel", -1.5)]
    assert [(one.certificate.name, one.days) for one in expiring(certificates, NOW)] == [("b", -2), ("a", 30)]
    assert expiring([certificate("a", "mail", 30.01)], NOW) == []


def test_silent_nodes_are_the_others() -> None:
    ages = {"a": 500, "b": 61, "c": 60, "d": 900}
    nodes = [Node(name, "10.0.0.1", NOW, NOW, seconds) for name, seconds in ages.items()]
    assert [node.name for node in silent(nodes, but="a")] == ["d", "b"]


def test_watch_nodes_reports_itself_and_the_silent(settings: Settings, core: Core, tmp_path: Path) -> None:
    with core.desk.transaction() as connection:
        connection.execute(
            text("INSERT INTO node (name, address, seen_at) VALUES ('dead\n1', '10.0.0.9', now() - interval '300 s')")
        )
    code, out, said = run(settings, tmp_path, "watch-nodes")
    assert code == 0 and out == ""
    lines = said.splitlines()
    assert len(lines) == 1 and "10.0.0.9" in lines[0] and "WARNING" in lines[0] and "moving queues" in lines[0]
    assert (tmp_path / "monitor.log").read_text() == said
    assert [node.name for node in core.cluster.nodes() if node.silent_seconds < 30] == ["node1"]


def test_watch_nodes_on_one_node_is_quiet(settings: Settings, tmp_path: Path) -> None:
    assert run(settings, tmp_path, "watch-nodes") == (0, "", "")


def test_update_lists_asks_the_database(settings: Settings, tmp_path: Path, gate: Gate) -> None:
    code, out, said = run(settings, tmp_path, "update-lists")
    assert code == 0 and out == "" and "no distribution lists" in said
    gate.shut()
    away = replace(settings, database=replace(settings.database, hosts=(("127.0.0.1", gate.port),)))
    for verb in ("update-lists", "watch-nodes"):
        code, out, said = run(away, tmp_path, verb)
        assert code == 11 and "Traceback" not in said
    assert "update-lists: The database server does not answer" in (tmp_path / "monitor.log").read_text()


def test_internal_is_not_in_the_help() -> None:
    done = subprocess.run([sys.executable, "-m", "rupost_cli", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "internal" not in done.stdout


def test_the_scheduler_warns_and_ends_within_a_second(settings: Settings, core: Core, tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=815)  # made for 825 days
    chain, key = self_signed("node1.test", ["node1.test"], long_ago)
    core.certificates.add("soon", "mail", read_material(chain, key))
    process = start(settings, tmp_path, "scheduler")
    log = tmp_path / "monitor.log"
    deadline = time.monotonic() + 15
    while not log.exists() or "“soon” (mail) expires" not in log.read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert process.returncode == 0 and time.monotonic() - started < 1
    assert "stopped" in log.read_text()


def test_the_scheduler_ends_within_a_second_of_a_hanging_database(
    settings: Settings, tmp_path: Path, gate: Gate
) -> None:
    gate.jam()
    away = replace(settings, database=replace(settings.database, hosts=(("127.0.0.1", gate.port),)))
    process = start(away, tmp_path, "scheduler")
    log = tmp_path / "monitor.log"
    deadline = time.monotonic() + 15
    while not log.exists() or "started" not in log.read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert process.returncode == 0 and time.monotonic() - started < 1.2


def test_one_node_works_and_another_takes_over(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seconds = 100.0
    first, second = (Scheduler(Core(settings, ACTOR, pool_size=2), lambda: seconds) for _number in range(2))
    try:
        first.turn()
        second.turn()
        assert caplog.text.count("does the cluster's jobs") == 1 and caplog.text.count("none expires") == 1
        first.turn()
        assert caplog.text.count("none expires") == 1
        seconds += JOB_SECONDS
        first.turn()
        second.turn()
        assert caplog.text.count("none expires") == 2
        first.close()
        second.turn()
        assert caplog.text.count("does the cluster's jobs") == 2 and caplog.text.count("none expires") == 3
    finally:
        first.close()
        second.close()


def test_a_database_that_is_away_does_not_end_it(
    settings: Settings, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    gate.shut()
    scheduler = Scheduler(behind(gate, settings))
    try:
        scheduler.turn()
        scheduler.turn()
        assert caplog.text.count("does not answer") == 1
        gate.reopen()
        scheduler.turn()
        assert "answers again" in caplog.text and "none expires" in caplog.text
        gate.shut()
        scheduler.turn()
        assert caplog.text.count("WARNING") == 2
        gate.reopen()
        scheduler.turn()
        assert caplog.text.count("answers again") == 2
    finally:
        scheduler.close()
