"""Running the system's programs: a list of arguments, never a shell; with a time limit for all that is waited for."""

from __future__ import annotations

import contextlib
import os
import pwd
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from rupost_core.errors import CommandFailed
from rupost_core.i18n import translate as _

# Programs are told apart by their English messages, whatever the administrator's own language is.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
}


@dataclass(frozen=True)
class Finished:
    """A program that ended. `seconds` is wall time."""

    arguments: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def output(self) -> str:
        return f"{self.stdout}\n{self.stderr}".strip()


def run(
    arguments: Sequence[str | PurePath],
    *,
    timeout: float,
    stdin: str = "",
    check: bool = True,
    environment: dict[str, str] | None = None,
) -> Finished:
    """Runs a program to its end. `timeout` is in seconds.

    Raises CommandFailed when it cannot be started, runs out of time, or, with `check`, exits non-zero.
    """
    words = tuple(str(argument) for argument in arguments)
    started = time.monotonic()
    try:
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            env={**_ENVIRONMENT, **(environment or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandFailed(
            _("The program {program} is not installed.", program=words[0]),
            hint=_("Reinstall the package rupost, which depends on it."),
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(
            _("{program} did not end within {seconds} s.", program=words[0], seconds=timeout)
        ) from error
    finished = Finished(words, done.returncode, done.stdout, done.stderr, time.monotonic() - started)
    if check and done.returncode != 0:
        said = finished.stderr.strip() or finished.stdout.strip()
        raise CommandFailed(
            _("{program} failed ({code}): {said}", program=words[0], code=done.returncode, said=said[-2000:])
        )
    return finished


@dataclass(frozen=True)
class Ended:
    """A program that ended, or was ended. `cut_short` is "" or why: `time` or `output`."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    cut_short: Literal["", "time", "output"]


def run_untrusting(arguments: Sequence[str | PurePath], *, stdin: bytes, timeout: float, most_output: int) -> Ended:
    """Runs a program that may misbehave: an empty environment, the folder /, no more output taken than allowed.

    `timeout` is in seconds, `most_output` in bytes. Raises CommandFailed when it cannot be started.
    """
    words = [str(argument) for argument in arguments]
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/",
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise CommandFailed(_("The program {program} is not installed.", program=words[0])) from error
    with process:
        try:
            return _talk(process, stdin, time.monotonic() + timeout, most_output)
        finally:
            process.kill()


def _talk(process: subprocess.Popen[bytes], stdin: bytes, deadline: float, most: int) -> Ended:
    """Feeds and reads the program until it closes its output, or until the deadline or the limit is reached."""
    streams = (process.stdin, process.stdout, process.stderr)
    write, out, err = (stream.fileno() for stream in streams if stream is not None)
    taken: dict[int, bytearray] = {out: bytearray(), err: bytearray()}
    rest = memoryview(stdin)
    os.set_blocking(write, False)
    cut_short: Literal["", "time", "output"] = ""
    with selectors.DefaultSelector() as selector:
        selector.register(write, selectors.EVENT_WRITE)
        selector.register(out, selectors.EVENT_READ)
        selector.register(err, selectors.EVENT_READ)
        while not cut_short and {out, err} & set(selector.get_map()):
            ready = {key.fd for key, _events in selector.select(max(0.0, deadline - time.monotonic()))}
            if write in ready and not (rest := _written(write, rest)) and process.stdin is not None:
                selector.unregister(write)
                process.stdin.close()
            for source in ready & {out, err}:
                piece = os.read(source, 65536)
                taken[source] += piece
                if not piece:
                    selector.unregister(source)
            if time.monotonic() >= deadline:
                cut_short = "time"
            elif sum(map(len, taken.values())) > most:
                cut_short = "output"
    if not cut_short:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            cut_short = "time"
    process.kill()
    return Ended(process.wait(), bytes(taken[out]), bytes(taken[err]), cut_short)


def _written(target: int, data: memoryview) -> memoryview:
    """What is left of the data; nothing is, once the program no longer reads."""
    try:
        return data[os.write(target, data[:65536]) :]
    except BrokenPipeError:
        return data[:0]


@dataclass
class Running:
    """A program that goes on beside us."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self.process.poll()


def start(
    arguments: Sequence[str | PurePath],
    *,
    output: PurePath,
    user: str | None = None,
    environment: dict[str, str] | None = None,
    inherited: Sequence[int] = (),
) -> Running:
    """Starts a program that is meant to stay; whoever starts it ends it, or ends together with it.

    `output` is the file that takes both its outputs, `user` who it runs as (with that user's groups), `inherited` the
    descriptors that it gets from us. Raises CommandFailed when it cannot be started.
    """
    words = tuple(str(argument) for argument in arguments)
    identity: dict[str, Any] = {}
    if user:
        entry = pwd.getpwnam(user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid,
                    "extra_groups": os.getgrouplist(user, entry.pw_gid)}  # fmt: skip
    try:
        with open(output, "ab") as file:  # noqa: PTH123 - PurePath
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**_ENVIRONMENT, **(environment or {})},
                pass_fds=inherited,
                cwd="/",
                **identity,
            )
    except OSError as error:
        raise CommandFailed(
            _("{program} cannot be started: {reason}", program=words[0], reason=error.strerror)
        ) from error
    return Running(words, process)


def converse(
    arguments: Sequence[str | PurePath], *, timeout: float, first: str, on_line: Callable[[str], None]
) -> Finished:
    """Runs a program to its end, gives it `first` on its input, and hands on each line that it prints.

    The input stays open, which tells the program that we are still there: it can end when we do.
    Raises CommandFailed.
    """
    words = tuple(str(argument) for argument in arguments)
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=_ENVIRONMENT,
        )
    except OSError as error:
        raise CommandFailed(
            _("{program} cannot be started: {reason}", program=words[0], reason=error.strerror)
        ) from error
    assert process.stdin and process.stdout and process.stderr  # noqa: S101 - they are pipes
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    said: list[str] = []
    complaints = threading.Thread(target=lambda: said.extend(process.stderr or ()))
    complaints.start()
    lines: list[str] = []
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(first)
            process.stdin.flush()
        for line in process.stdout:
            lines.append(line)
            on_line(line)
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        complaints.join()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        process.stderr.close()
    return Finished(words, code, "".join(lines), "".join(said), time.monotonic() - started)


def is_root() -> bool:
    return os.geteuid() == 0
