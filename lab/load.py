"""A steady stream of short client sessions against the lab's node, each from connect to good-bye.

Sessions begin at fixed moments whether or not earlier ones have ended (an open-loop load): a node that stalls meets
as many clients as one that does not. A session fails when it is refused, cut, answered wrongly or too late.

    python -m lab.load --rate 50     until SIGTERM or SIGINT; then one line of JSON on standard output
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from lab import clients

LIMIT_SECONDS = 20.0
_Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Counted:
    """Sessions of one port. `slowest` is in seconds; `errors` holds the first few reasons."""

    sessions: int = 0
    failed: int = 0
    slowest: float = 0.0
    errors: list[str] = field(default_factory=list)


class WrongAnswer(Exception):
    """The server spoke, but not as it should."""


async def _expect(reader: asyncio.StreamReader, start: bytes) -> None:
    line = await reader.readline()
    if not line.startswith(start):
        raise WrongAnswer(f"{line!r} instead of {start!r}")


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _expect(reader, b"220 ")
    writer.write(b"EHLO load.example\r\n")
    while (line := await reader.readline()).startswith(b"250-"):
        pass
    if not line.startswith(b"250 "):
        raise WrongAnswer(f"{line!r} to EHLO")
    writer.write(b"QUIT\r\n")
    await _expect(reader, b"221 ")


async def _imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _expect(reader, b"* OK")
    writer.write(b"a LOGOUT\r\n")
    await _expect(reader, b"* BYE")
    await _expect(reader, b"a OK")


async def _https(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /rupost-health HTTP/1.1\r\nHost: load.example\r\nConnection: close\r\n\r\n")
    await _expect(reader, b"HTTP/1.1 200 ")
    await reader.read()


PORTS: dict[int, tuple[bool, _Talk]] = {25: (False, _smtp), 993: (True, _imap), 443: (True, _https)}


class Load:
    """`rate` sessions a second on each of the ports."""

    def __init__(self, address: str, context: ssl.SSLContext, rate: float) -> None:
        self._address = address
        self._context = context
        self._pause = 1.0 / rate
        self.counted = {port: Counted() for port in PORTS}

    async def run(self, stop: asyncio.Event) -> None:
        sessions: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not stop.is_set():
            for port in PORTS:
                session = asyncio.create_task(self._session(port))
                sessions.add(session)
                session.add_done_callback(sessions.discard)
            due += self._pause
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*sessions)

    async def _session(self, port: int) -> None:
        encrypted, talk = PORTS[port]
        counted = self.counted[port]
        started = time.monotonic()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    self._address, port, ssl=self._context if encrypted else None
                )
                try:
                    await talk(reader, writer)
                finally:
                    writer.close()
        except (OSError, WrongAnswer, asyncio.IncompleteReadError, TimeoutError) as error:
            counted.failed += 1
            if len(counted.errors) < 5:
                counted.errors.append(f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}")
        counted.sessions += 1
        counted.slowest = max(counted.slowest, time.monotonic() - started)


async def _main(rate: float) -> dict[str, Any]:
    lab = clients.find()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    load = Load(lab.address, lab.context(), rate)
    started = time.monotonic()
    await load.run(stop)
    return {
        "seconds": time.monotonic() - started,
        "ports": {str(port): vars(counted) for port, counted in load.counted.items()},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=float, default=50.0, help="sessions a second on each port")
    sys.stdout.write(json.dumps(asyncio.run(_main(parser.parse_args().rate))) + "\n")
