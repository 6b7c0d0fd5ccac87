"""One lab command at a time changes the machine; the next one is told who is at it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import LabError

# Not under RUPOST_LAB_HOME: the bridge, the addresses and the control groups exist once on a machine,
# whatever the home. The kernel drops the lock when its holder dies, however it dies.
_PATH = Path("/run/rupost-lab.lock")


@contextmanager
def held(purpose: str) -> Iterator[None]:
    """Hold the lock while the body runs, or say who holds it."""
    descriptor = os.open(_PATH, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
            raise LabError(f"busy: {holder or 'another lab command'} holds {_PATH}") from busy
        os.ftruncate(descriptor, 0)
        since = time.strftime("%H:%M:%S")
        os.pwrite(descriptor, f"'{purpose}' (process {os.getpid()}, since {since})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
