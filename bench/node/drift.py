"""Runs on a node: edits live files by hand in twenty ways, in turn, and prints how soon each was in the log.

Each edit is taken back afterwards, and that it was seen too. The time runs from before the edit to the line in
monitor.log.
"""

import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

LIVE = Path("/var/lib/rupost/configuration/live")
LOG = Path("/var/log/rupost/monitor.log")
MAIN, HAPROXY, SQL, MAPS = "postfix/main.cf", "haproxy/haproxy.cfg", "dovecot/sql.conf", "postfix/maps"
LIMIT_SECONDS = 10.0


def append(path: str) -> None:
    with (LIVE / path).open("a") as file:
        file.write("# by hand\n")


def by_rename(path: str) -> None:
    """As sed -i and vim do it."""
    fresh = LIVE / path
    fresh = fresh.with_name(f"sed{os.getpid()}")
    fresh.write_text((LIVE / path).read_text() + "# by hand\n")
    shutil.copymode(LIVE / path, fresh)
    os.chown(fresh, (LIVE / path).stat().st_uid, (LIVE / path).stat().st_gid)
    fresh.replace(LIVE / path)


def in_place(path: str) -> None:
    with (LIVE / path).open("r+b") as file:
        file.write(b"!")


EDITS = [
    *((f"append {path}", path, lambda path=path: append(path)) for path in (MAIN, HAPROXY, SQL, "nginx/http.conf")),
    *((f"rename {path}", path, lambda path=path: by_rename(path)) for path in (MAIN, HAPROXY, SQL, "sogo/sogo.conf")),
    *((f"write {path}", path, lambda path=path: in_place(path)) for path in (MAIN, "memcached/memcached.conf")),
    *((f"truncate {path}", path, lambda path=path: os.truncate(LIVE / path, 10)) for path in (MAIN, SQL)),
    *((f"chmod {path}", path, lambda path=path: (LIVE / path).chmod(0o666)) for path in (MAIN, "tls/mail.key")),
    ("chown", MAIN, lambda: os.chown(LIVE / MAIN, 1, 1)),
    ("remove", MAIN, (LIVE / MAIN).unlink),
    ("move away", HAPROXY, lambda: (LIVE / HAPROXY).rename(LIVE.parent / "moved")),
    ("new file", "dovecot/new.conf", lambda: (LIVE / "dovecot/new.conf").write_text("x")),
    ("new folder", "nginx/new", (LIVE / "nginx/new").mkdir),
    ("remove a folder", MAPS, lambda: shutil.rmtree(LIVE / MAPS)),
]


def keep(path: str) -> list[tuple[Path, os.stat_result, bytes | None]]:
    """What is needed to put things back as they were."""
    target = LIVE / path
    names = [target, *target.rglob("*")] if target.is_dir() else [target] if target.exists() else []
    return [(name, name.stat(), None if name.is_dir() else name.read_bytes()) for name in names]


def put_back(path: str, kept: list[tuple[Path, os.stat_result, bytes | None]]) -> None:
    target = LIVE / path
    if not kept:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    for name, status, content in kept:
        if content is None:
            name.mkdir(exist_ok=True)
        else:
            fresh = LIVE.parent / "fresh"
            fresh.write_bytes(content)
            fresh.chmod(status.st_mode & 0o7777)
            os.chown(fresh, status.st_uid, status.st_gid)
            fresh.replace(name)
        os.chown(name, status.st_uid, status.st_gid)
        name.chmod(status.st_mode & 0o7777)


def wait_for(text: str, position: int) -> None:
    """Returns when the log has the text after the position."""
    started = time.monotonic()
    while time.monotonic() - started < LIMIT_SECONDS:
        with LOG.open("rb") as file:
            file.seek(position)
            if text.encode() in file.read():
                return
        time.sleep(0.002)
    sys.exit(f"not in the log within {LIMIT_SECONDS} s: {text}")


seconds = {}
for name, path, edit in EDITS:
    kept = keep(path)
    position = LOG.stat().st_size
    started = time.monotonic()
    edit()
    wait_for(f": {path}: ", position)
    seconds[name] = time.monotonic() - started
    position = LOG.stat().st_size
    put_back(path, kept)
    (LIVE.parent / "moved").unlink(missing_ok=True)
    wait_for(f": {path} (", position)

times = list(seconds.values())
print(
    json.dumps(
        {
            "edits": len(times),
            "median": statistics.median(times),
            "maximum": max(times),
            "each": seconds,
        }
    )
)
