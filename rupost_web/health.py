"""Whether the database answers, asked no more often than needed and never waited for longer than a reader would.

However many requests come in, one question is under way at a time, in a thread: a database that hangs cannot use up
the panel's threads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from enum import StrEnum

from rupost_core.errors import DatabaseUnreachable, RupostError

_FRESH_SECONDS = 1.0
_WAIT_SECONDS = 3.0


class State(StrEnum):
    """`unusable`: it answers, but not as this version needs (not migrated, rights lost)."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    UNUSABLE = "unusable"


class DatabaseWatch:
    """`ask` is a blocking call that raises a RupostError when the database does not do."""

    def __init__(self, ask: Callable[[], object], wait_seconds: float = _WAIT_SECONDS) -> None:
        self._ask = ask
        self._wait_seconds = wait_seconds
        self._task: asyncio.Task[State] | None = None
        self._ended_at = 0.0
        self._said = State.OK

    async def state(self) -> State:
        task = self._task
        if task is None or (task.done() and time.monotonic() - self._ended_at > _FRESH_SECONDS):
            task = self._task = asyncio.create_task(self._question())
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._wait_seconds)
        except TimeoutError:
            return State.UNREACHABLE

    async def _question(self) -> State:
        try:
            await asyncio.to_thread(self._ask)
            state, reason = State.OK, ""
        except DatabaseUnreachable as error:
            state, reason = State.UNREACHABLE, error.message
        except RupostError as error:
            state, reason = State.UNUSABLE, error.message
        self._ended_at = time.monotonic()
        if state is not self._said:
            self._said = state
            logging.warning("database: %s %s", state, reason)
        return state
