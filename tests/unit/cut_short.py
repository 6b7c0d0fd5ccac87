"""Cutting a process short at its N-th writing call, and a node whose files are real and whose daemons are played.

The process is a fork. Every call that writes (open for writing, write, fsync, rename, symlink, mkdir, …) and every
request to a daemon is a gate, before and after it; at the N-th gate the process gets a signal. A content is written
in two halves, with a gate in between.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rupost_core.components.probe import PUBLIC_PORTS, ProbeResult
from rupost_core.configuration.deploy import NodeDeployment
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.recovery import Recovery
from rupost_core.configuration.transition import Transition
from rupost_core.errors import RupostError
from rupost_core.host.clock import Moment

NAMES = ("memcached", "dovecot", "postfix", "sogo", "nginx", "haproxy")
FILES = {"main.conf": 0o644, "maps/users.cf": 0o644, "secret.conf": 0o640}
WINDOW = 600
_WRITERS = ("fsync", "rename", "replace", "symlink", "mkdir", "unlink", "rmdir", "utime", "chown", "fchown", "chmod",
            "fchmod", "link", "truncate", "ftruncate")  # fmt: skip
_real = {name: getattr(os, name) for name in (*_WRITERS, "open", "fdopen")}


class Gate:
    """`limit` is the gate at which the process gets `number`; `passed` counts."""

    def __init__(self, limit: int, number: signal.Signals = signal.SIGKILL) -> None:
        self.limit = limit
        self.passed = 0
        self._number = number

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self.limit:
            os.kill(os.getpid(), self._number)


class _Halves:
    """A file whose content is written in two halves."""

    def __init__(self, file, gate: Gate) -> None:
        self._file, self._gate = file, gate

    def write(self, data) -> None:
        half = len(data) // 2
        for part in (data[:half], data[half:]):
            self._file.write(part)
            self._file.flush()
            self._gate()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_error) -> None:
        self._file.close()


def install(gate: Gate, *, sync: bool) -> None:
    """In a fork only. Without `sync` nothing is synced: a kill loses nothing of what the kernel has."""

    def wrapped(name: str) -> Callable:
        def call(*args, **kwargs):
            gate()
            result = None if name == "fsync" and not sync else _real[name](*args, **kwargs)
            gate()
            return result

        return call

    def opened(path, flags, *args, **kwargs):
        if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return _real["open"](path, flags, *args, **kwargs)
        gate()
        return _real["open"](path, flags, *args, **kwargs)

    for name in _WRITERS:
        setattr(os, name, wrapped(name))
    os.open = opened
    os.fdopen = lambda *args, **kwargs: _Halves(_real["fdopen"](*args, **kwargs), gate)


def forked(work: Callable[[], object], gate: Gate, *, sync: bool = False) -> tuple[int, int]:
    """Runs `work` in a fork behind the gate: (status as waitpid gives it, gates passed, 0 when it was cut short)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        with suppress(BaseException):
            install(gate, sync=sync)
            with suppress(RupostError):
                work()
            os.write(writing, b"%d" % gate.passed)
            code = 0
        os._exit(code)
    os.close(writing)
    _pid, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        os.close(reading)
        return child, 0
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    return status, int(text or 0)


@dataclass(eq=False)
class PlayedComponent:
    name: str
    package: str = "played"

    def __post_init__(self) -> None:
        self.unit = self.boot_unit = f"{self.name}.service"
        self.main_file = f"{self.name}/main.conf"

    def check(self, view):
        return []

    def trouble_after_reload(self, since):
        return ""


@dataclass(eq=False)
class PlayedHost:
    """Daemons whose state lies in files of their own, so that it outlives who asked them."""

    folder: Path
    live: LiveConfiguration
    serves: Callable[[int], bool] = lambda number: True
    gate: Callable[[], None] = lambda: None
    log: list[tuple[str, str]] = field(default_factory=list)

    def act(self, action: str, unit: str) -> None:
        self.log.append((action, unit))
        self.gate()
        if action == "stop":
            self._keep(unit, "inactive", "")
        elif action in ("start", "restart", "reload"):
            self._keep(unit, "active", digest(self.live.link / unit.removesuffix(".service")))
        self.gate()

    def states(self, units):
        return {unit: self._kept(unit)[0] for unit in units}

    def probe(self, within_seconds):
        return [ProbeResult(PUBLIC_PORTS[0], 0.0, "" if self.serves(self.live.current()) else "refused")]

    def loaded(self, unit: str) -> str:
        return self._kept(unit)[1]

    def power_on(self) -> None:
        """What a boot does: every daemon starts with what is live, if there is anything."""
        for name in NAMES:
            folder = self.live.link / name
            state = ("active", digest(folder)) if folder.is_dir() else ("inactive", "")
            self._keep(f"{name}.service", *state)

    def _kept(self, unit: str) -> tuple[str, str]:
        try:
            state, loaded = json.loads((self.folder / unit).read_text())
        except FileNotFoundError:
            return "inactive", ""
        return state, loaded

    def _keep(self, unit: str, state: str, loaded: str) -> None:
        descriptor = _real["open"](self.folder / f"{unit}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(descriptor, json.dumps([state, loaded]).encode())
        os.close(descriptor)
        _real["replace"](self.folder / f"{unit}.new", self.folder / unit)


def digest(folder: Path) -> str:
    """Names, modes and contents of all files below a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b"/"
        total.update(f"{path.relative_to(folder)} {path.stat().st_mode:o} {len(content)}\n".encode() + content)
    return total.hexdigest()


def rendered(text: str) -> tuple[RenderedFile, ...]:
    return tuple(
        RenderedFile(name, f"{name}/{file}", "0", "0", mode, False, f"{text} {file}\n" * 40)
        for name in NAMES
        for file, mode in FILES.items()
    )


REACTIONS = {"memcached": "restart", "dovecot": "reload", "postfix": "reload", "sogo": "restart", "nginx": "reload",
             "haproxy": "untouched"}  # fmt: skip


class Node:
    """A node with generation `former` live. `clock` is set by the tests."""

    def __init__(self, folder: Path, root: Path | None = None, former: int = 1) -> None:
        self.folder = folder
        self.live = LiveConfiguration(root or folder / "configuration")
        self.components = {name: PlayedComponent(name) for name in NAMES}
        (folder / "daemons").mkdir(parents=True, exist_ok=True)
        self.host = PlayedHost(folder / "daemons", self.live)
        self.seconds = 0.0
        self.boot = "boot-a"
        self.former = former

    def now(self) -> Moment:
        return Moment(1e6 + self.seconds, self.boot, self.seconds)

    def prepare(self) -> None:
        """The former generation, deployed; haproxy's files are the same in both."""
        self.live.root.mkdir(parents=True, exist_ok=True)
        if self.former:
            self.deploy(self.former, dict.fromkeys(NAMES, "start"))
            for ended in self.live.record.outcomes():
                self.live.record.forget(ended)
        else:
            with self.live.lock():
                self.live.folder(0).mkdir(parents=True)
                self.live.switch(0)

    def deploy(self, number: int, reactions=None, confirm_within: int | None = None) -> Transition:
        with self.live.lock():
            begun = Transition(number, self.live.current(), number, reactions or REACTIONS, "root", self.now(),
                               confirm_within)  # fmt: skip
            deployment = NodeDeployment(
                self.live, self.components, self.host, lambda step: None, walls=(), clock=self.now
            )
            return deployment.run(begun, self.files(number))

    def files(self, number: int) -> tuple[RenderedFile, ...]:
        return tuple(
            file if file.component != "haproxy" else RenderedFile(**{**vars(file), "content": "the same\n"})
            for file in rendered(f"generation {number}")
        )

    def confirm(self) -> None:
        with self.live.lock():
            waiting = self.live.record.load()
            assert waiting is not None and waiting.phase == "waiting"
            self.live.record.end(waiting.ended("done", confirmed_by="root"))

    def recovery(self) -> Recovery:
        return Recovery(self.live, self.components, self.host, lambda step: None, self.now)

    def recover(self) -> Transition | None:
        with self.live.lock():
            return self.recovery().run()

    def is_whole(self, numbers: tuple[int, ...]) -> int:
        """The number of the one generation that link, files and daemons are on."""
        number = self.live.current()
        assert number in numbers
        assert digest(self.live.link) == self.expected(number)
        for name in NAMES:
            loaded = self.host.loaded(f"{name}.service")
            assert loaded == (digest(self.live.link / name) if number else ""), (name, number)
        return number

    def expected(self, number: int) -> str:
        """The digest of a generation's tree, made in another place."""
        key = (number, str(self.folder))
        if key not in _expected:
            elsewhere = LiveConfiguration(self.folder / f"expected-{number}")
            folder = elsewhere.folder(0)
            if number:
                elsewhere.root.mkdir()
                folder = elsewhere.stage(number, self.files(number))
            else:
                folder.mkdir(parents=True)
            _expected[key] = digest(folder)
            shutil.rmtree(elsewhere.root)
        return _expected[key]

    def picture(self) -> list[tuple[str, int, int]]:
        """Everything below the root and of the daemons, by which it shows that nothing was written."""
        paths = [path for top in (self.live.root, self.host.folder) for path in sorted(top.rglob("*"))]
        return [(str(path), path.lstat().st_mtime_ns, path.lstat().st_ino) for path in paths if path.name != "lock"]


_expected: dict[tuple[int, str], str] = {}
