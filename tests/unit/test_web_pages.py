"""Pages and health without a server: what is escaped, what an inner mistake looks like from outside."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import httpx
import pytest

from rupost_core.errors import DatabaseSchema, DatabaseUnreachable
from rupost_core.host.monitor_log import OneLine
from rupost_web import language
from rupost_web.app import application
from rupost_web.headers import SECURITY
from rupost_web.health import DatabaseWatch, State


def get(path: str, *, node: str = "node1", ask=lambda: None) -> httpx.Response:  # type: ignore[no-untyped-def]
    async def ask_it() -> httpx.Response:
        transport = httpx.ASGITransport(application(node, ask), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://node1") as client:
            return await client.get(path, headers={"accept-language": "en"})

    return asyncio.run(ask_it())


def raising(error: Exception):  # type: ignore[no-untyped-def]
    def ask() -> None:
        raise error

    return ask


def test_foreign_text_is_escaped() -> None:
    text = get("/sign-in", node='<script>alert("1")</script>').text
    assert "<script" not in text and "&lt;script&gt;" in text


def test_a_bug_is_not_shown_to_the_reader() -> None:
    for path in ("/health", "/sign-in"):
        answer = get(path, ask=raising(RuntimeError("secret detail")))
        assert answer.status_code == 500 and "The panel made a mistake" in answer.text
        assert "secret detail" not in answer.text and "Traceback" not in answer.text
        assert answer.headers["content-security-policy"] == SECURITY["content-security-policy"]


@pytest.mark.parametrize(
    ("error", "said"),
    [(DatabaseUnreachable("10.0.0.1 refused rupost"), "unreachable"), (DatabaseSchema("old"), "unusable")],
)
def test_health_names_no_detail(error: Exception, said: str) -> None:
    answer = get("/health", ask=raising(error))
    assert answer.status_code == 503
    assert answer.json().keys() == {"status", "node", "version", "database"}
    assert answer.json()["database"] == said and answer.json()["status"] != "ok"


def test_one_question_at_a_time_and_a_fresh_answer_is_shared() -> None:
    asked = 0
    held = threading.Event()

    def ask() -> None:
        nonlocal asked
        asked += 1
        held.wait(5)

    async def many() -> list[State]:
        watch = DatabaseWatch(ask, wait_seconds=0.2)
        first = await asyncio.gather(*(watch.state() for _number in range(50)))
        held.set()
        await asyncio.sleep(0.1)
        return [*first, await watch.state(), await watch.state()]

    states = asyncio.run(many())
    assert states == [State.UNREACHABLE] * 50 + [State.OK] * 2
    assert asked == 1


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "ru"),
        ("*", "ru"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("en;q=0", "ru"),
        ("en;q=bad", "ru"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0.8, ru;q=0.9", "ru"),
        ("en;q=1e400;;,,;q", "ru"),
        ("x" * 100_000, "ru"),
    ],
)
def test_accept_language(header: str, code: str) -> None:
    assert language.choose(header) == code


def test_a_log_line_cannot_be_forged() -> None:
    record = logging.LogRecord("x", logging.WARNING, "x", 1, "a\n2026 ERROR forged \x1b[31m", (), None)
    text = OneLine("%(asctime)s", "%Y").format(record)
    assert "\n" not in text and "\x1b" not in text and text.startswith(f"{time.strftime('%Y')} WARNING a 2026")
