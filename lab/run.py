"""Runs other programs: an argument list, a timeout, and an error that shows what the program said."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence

from lab.errors import LabError

_TAIL = 20


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small, predictable environment; only the proxies are taken over, for package downloads."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        **kept,
        **(extra or {}),
    }


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    text: str | None = None,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
    check: bool = True,
    shown: Sequence[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one program to its end and return what it printed (standard error is in `stdout` too).

    `text` goes to its standard input, `before` is called in the child before the program starts, and
    `shown` stands for the command in messages where the command itself is mostly wrapping.
    """
    name = _short(shown or argv)
    try:
        done = subprocess.run(
            list(argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL if text is None else None,
            input=text,
            env=environment(env),
            preexec_fn=before,
            timeout=timeout,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError as missing:
        raise LabError(f"{argv[0]}: no such program") from missing
    except subprocess.TimeoutExpired as late:
        raise LabError(f"{name}: not finished after {timeout:.0f} s") from late
    if check and done.returncode != 0:
        said = "\n".join(done.stdout.strip().splitlines()[-_TAIL:])
        raise LabError(f"{name}: exit status {done.returncode}\n{said}".rstrip())
    return done


def _short(argv: Sequence[str]) -> str:
    """The command as it is shown in a message."""
    line = " ".join(argv)
    return line if len(line) <= 160 else line[:157] + "..."
