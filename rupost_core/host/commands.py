"""Running the system's programs: a list of arguments, never a shell; always with a time limit."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

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


def is_root() -> bool:
    return os.geteuid() == 0
