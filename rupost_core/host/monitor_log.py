"""RuPost's own log (manual 2.15): /var/log/rupost/monitor.log, and standard error, which systemd keeps.

A line is time, level, message: `2026-11-24T04:30:00+0300 WARNING …`. The file is opened for appending only, as
logrotate's copytruncate needs. Where it cannot be written (tests, a plain user) the lines go to standard error alone.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from rupost_core.text import printable

LOG_PATH = Path("/var/log/rupost/monitor.log")
_FORMAT, _TIME = "%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"


class OneLine(logging.Formatter):
    """Foreign text cannot forge a line: control characters are shown, only a traceback's own breaks are kept."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [printable(record.getMessage())]
        if record.exc_info:
            lines += [printable(line) for line in self.formatException(record.exc_info).splitlines()]
        head = f"{self.formatTime(record, self.datefmt)} {record.levelname}"
        return "\n".join(f"{head} {line}" for line in lines)


def log_path() -> Path:
    """RUPOST_MONITOR_LOG, for tests, or the manual's path."""
    return Path(os.environ.get("RUPOST_MONITOR_LOG", LOG_PATH))


def set_up_monitor_log() -> logging.Logger:
    """The process's root logger, writing from INFO up to both places. Call it once, at the start."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    with suppress(OSError):
        handlers.append(_file_handler(log_path()))
    for handler in handlers:
        handler.setFormatter(OneLine(_FORMAT, _TIME))
    root.handlers[:] = handlers
    return root


def _file_handler(path: Path) -> logging.FileHandler:
    fresh = not path.exists()
    handler = logging.FileHandler(path, mode="a", encoding="utf-8")
    if fresh:
        # Otherwise the first line of root's would make a file that the services cannot write.
        with suppress(OSError, LookupError):
            path.chmod(0o640)
            shutil.chown(path, "rupost", "rupost")
    return handler
