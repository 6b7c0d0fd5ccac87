"""The panel as rupost.service runs it: a real process, real TLS, a real database that goes away and comes back."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from database_gate import Gate

from rupost_core.certificates.material import read_material
from rupost_core.certificates.model import self_signed
from rupost_core.core import Core
from rupost_core.errors import CommandFailed
from rupost_core.settings import Settings, dump
from rupost_core.version import version
from rupost_web.headers import SECURITY
from wizard import panel

ROOT = Path(__file__).parents[2]


class Panel:
    """`python -m rupost_web` on a port of its own."""

    def __init__(self, node: Settings, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "monitor.log"
        (directory / "config.json").write_text(dump(node))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "rupost_web", "--host", "127.0.0.1", "--port", str(self.port)],
            env={
                **os.environ,
                "RUPOST_CONFIG": str(self.directory / "config.json"),
                "RUPOST_MONITOR_LOG": str(self.log),
                "RUPOST_LANGUAGE": "en",
                "TMPDIR": str(self.directory),
            },
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def wait(self) -> None:
        deadline = time.monotonic() + 15
        while True:
            assert self.process.poll() is None, self.process.stdout.read()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers=headers)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        # Which certificate is served is a test of its own, below.
        return httpx.request(method, self.url + path, verify=False, timeout=10, **options)  # noqa: S501

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def gate(settings: Settings) -> Iterator[Gate]:
    gate = Gate(settings.database.hosts[0][1])
    yield gate
    gate.close()


@pytest.fixture
def node(settings: Settings, gate: Gate) -> Settings:
    """A node that reaches its database through the gate."""
    return replace(settings, database=replace(settings.database, hosts=(("127.0.0.1", gate.port),)))


@pytest.fixture
def chain(core: Core) -> str:
    core.certificates.ensure_builtin("control_panel", ["node1.test", "127.0.0.1"])
    return core.certificates.pair_in_use("control_panel").certificate.chain_pem


@pytest.fixture
def served(node: Settings, chain: str, tmp_path: Path) -> Iterator[Panel]:
    panel = Panel(node, tmp_path)
    try:
        panel.wait()
        yield panel
    finally:
        panel.stop()


def test_health_says_what_it_says_and_no_more(served: Panel, settings: Settings) -> None:
    answer = served.get("/health")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": "ok", "node": "node1", "version": version(), "database": "ok"}


def test_the_front_door_leads_to_the_sign_in_page(served: Panel) -> None:
    answer = served.get("/")
    assert answer.status_code == 302 and answer.headers["location"] == "/sign-in"
    assert served.ask("HEAD", "/sign-in").status_code == 200


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en-US,en;q=0.9", "en"),
        ("de,fr;q=0.5", "ru"),
        ("en;q=0.2, ru;q=0.7", "ru"),
    ],
)
def test_the_page_is_in_the_readers_language(served: Panel, header: str, language: str) -> None:
    answer = served.get("/sign-in", **{"accept-language": header})
    assert f'<html lang="{language}">' in answer.text and answer.headers["content-language"] == language


def test_the_sign_in_page_is_honest(served: Panel) -> None:
    text = served.get("/sign-in", **{"accept-language": "en"}).text
    assert "<fieldset disabled>" in text and "later version" in text
    assert "node1" in text and version() in text and "working" in text and 'class="lamp ok"' in text
    for command in ("rupost directory add", "rupost domain add", "rupost config deploy"):
        assert command in text
    assert served.ask("POST", "/sign-in", data={"login": "a", "password": "b"}).status_code == 405


def test_nothing_comes_from_elsewhere(served: Panel) -> None:
    page = served.get("/sign-in").text
    for address in re.findall(r'(?:href|src|action)="([^"]+)"', page):
        assert address.startswith("/") and not address.startswith("//")
        assert served.get(address).status_code == 200
    css = served.get("/static/panel.css")
    assert css.headers["content-type"].startswith("text/css") and "url(" not in css.text and "@import" not in css.text
    assert "<script" not in page and "style=" not in page


@pytest.mark.parametrize(
    "path", ["/", "/health", "/sign-in", "/static/panel.css", "/no-such-page", "/static/../app.py"]
)
def test_every_answer_carries_the_security_headers(served: Panel, path: str) -> None:
    answer = served.get(path)
    for name, value in SECURITY.items():
        assert answer.headers[name] == value
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/no-such-page", "/openapi.json", "/docs", "/sign-in/", "/static/", "/static/%2e%2e/app.py",
     "/static/..%2fapp.py", "/%00", "/static/%00", "/" + "x" * 5000, "/%ff", "/static/a%0d%0ab"],
)  # fmt: skip
def test_an_unknown_page_is_a_small_page(served: Panel, path: str) -> None:
    answer = served.get(path, **{"accept-language": "en"})
    assert answer.status_code == 404
    assert "There is no such page" in answer.text and len(answer.text) < 1500 and "Traceback" not in answer.text


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_the_certificate_is_the_stored_one_and_old_tls_is_refused(served: Panel, chain: str) -> None:
    assert panel.ask(chain, served.port) == ""
    for newest in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = newest
        with socket.create_connection(("127.0.0.1", served.port)) as raw, pytest.raises(OSError):
            context.wrap_socket(raw)


def test_the_key_is_nowhere_on_disk(served: Panel) -> None:
    held = []
    for one in Path(f"/proc/{served.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a connection that ended meanwhile
            held.append(str(one.readlink()))
    assert held and not any("memfd" in one or "rupost-panel" in one for one in held)
    for file in served.directory.rglob("*"):
        assert not file.is_file() or b"PRIVATE KEY" not in file.read_bytes()


def test_the_database_goes_away_and_comes_back(served: Panel, gate: Gate) -> None:
    assert served.get("/health").status_code == 200
    gate.shut()
    time.sleep(1.1)
    answer = served.get("/health")
    assert answer.status_code == 503 and answer.json()["database"] == "unreachable"
    page = served.get("/sign-in", **{"accept-language": "en"})
    assert page.status_code == 200 and "the database does not answer" in page.text
    gate.reopen()
    time.sleep(1.1)
    assert served.get("/health").status_code == 200
    assert "database: unreachable" in served.log.read_text()


def test_a_database_that_hangs_holds_nobody_up(served: Panel, gate: Gate) -> None:
    gate.jam()
    time.sleep(1.1)
    seconds: list[float] = []

    def ask() -> None:
        started = time.monotonic()
        assert served.get("/health").status_code == 503
        seconds.append(time.monotonic() - started)

    threads = [threading.Thread(target=ask) for _number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seconds) == 40 and max(seconds) < 5
    assert len(list(Path(f"/proc/{served.process.pid}/task").iterdir())) < 12
    gate.reopen()
    deadline = time.monotonic() + 10
    while served.get("/health").status_code != 200:
        assert time.monotonic() < deadline


def test_it_ends_in_good_order(served: Panel) -> None:
    started = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(5) == 0 and time.monotonic() - started < 2
    lines = served.log.read_text().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} INFO panel: https port \d+, certificate \S+", lines[0]
    )
    assert lines[-1].endswith("INFO panel: stopped")
    assert served.process.stdout is not None and "panel: stopped" in served.process.stdout.read()


def test_what_keeps_it_from_starting_is_one_line(node: Settings, gate: Gate, chain: str, tmp_path: Path) -> None:
    gate.shut()
    panel = Panel(node, tmp_path)
    said, _nothing = panel.process.communicate(timeout=30)
    assert panel.process.returncode == 11 and "Traceback" not in said and len(said.splitlines()) == 1
    (tmp_path / "config.json").unlink()
    panel.process = panel.start()
    said, _nothing = panel.process.communicate(timeout=30)
    assert panel.process.returncode == 16 and "Traceback" not in said


def test_a_taken_port_is_one_line(node: Settings, chain: str, tmp_path: Path) -> None:
    panel = Panel(node, tmp_path)
    with socket.create_server(("127.0.0.1", panel.port)):
        said, _nothing = panel.process.communicate(timeout=30)
    assert panel.process.returncode == 1 and str(panel.port) in said and "Traceback" not in said


def test_the_wizard_tells_another_program_on_the_port(served: Panel, core: Core) -> None:
    core.certificates.ensure_builtin("mail", ["node1.test"])
    other = core.certificates.pair_in_use("mail").certificate.chain_pem
    assert "another certificate" in panel.ask(other, served.port)


def test_the_wizard_does_not_wait_for_ever(chain: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(CommandFailed):
            panel.wait_for_panel(chain, silent.getsockname()[1], 0.5)
    assert time.monotonic() - started < 6
    with pytest.raises(CommandFailed, match="refused"):
        panel.wait_for_panel(chain, silent_port(), 0.5)


def silent_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_a_reload_takes_the_new_certificate_and_drops_nobody(served: Panel, core: Core, chain: str) -> None:
    before = ssl.get_server_certificate(("127.0.0.1", served.port))
    with httpx.Client(verify=False) as client:  # noqa: S501
        assert client.get(f"{served.url}/health").status_code == 200
        pair = self_signed("node2.test", ["node2.test"], datetime.now(UTC))
        core.certificates.add("new", "control_panel", read_material(*pair))
        assert ssl.get_server_certificate(("127.0.0.1", served.port)) == before
        served.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while ssl.get_server_certificate(("127.0.0.1", served.port)) == before:
            assert time.monotonic() < deadline and served.process.poll() is None
            time.sleep(0.05)
        assert ssl.get_server_certificate(("127.0.0.1", served.port)).encode() == pair[0]
        assert client.get(f"{served.url}/health").status_code == 200
    assert served.get("/health").status_code == 200
    assert "certificate new" in served.log.read_text()


def test_a_reload_without_a_database_keeps_the_certificate(served: Panel, gate: Gate) -> None:
    before = ssl.get_server_certificate(("127.0.0.1", served.port))
    gate.shut()
    served.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while "stays the former one" not in served.log.read_text():
        assert time.monotonic() < deadline and served.process.poll() is None
        time.sleep(0.1)
    assert ssl.get_server_certificate(("127.0.0.1", served.port)) == before
