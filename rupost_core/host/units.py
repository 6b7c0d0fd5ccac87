"""systemd service units: their state, and starting, reloading, stopping them."""

from __future__ import annotations

from collections.abc import Collection

from rupost_core.errors import CommandFailed
from rupost_core.host.commands import run

_ACTION_TIMEOUT_SECONDS = 60.0


def is_active(unit: str) -> bool:
    return run(["systemctl", "is-active", unit], timeout=10, check=False).stdout.strip() == "active"


def states(units: Collection[str]) -> dict[str, str]:
    """Each unit's state as `systemctl is-active` names it: active, inactive, failed, activating, …"""
    said = run(["systemctl", "is-active", *units], timeout=10, check=False).stdout.split()
    return dict(zip(units, said, strict=True)) if len(said) == len(units) else dict.fromkeys(units, "unknown")


def is_enabled(unit: str) -> bool:
    return run(["systemctl", "is-enabled", unit], timeout=10, check=False).stdout.strip() == "enabled"


def act(action: str, unit: str) -> None:
    """start, stop, restart, reload, enable, disable; raises CommandFailed with the unit's last log lines."""
    if action in ("start", "restart"):
        # systemd refuses a unit that was started five times within ten seconds; we know why it was.
        run(["systemctl", "reset-failed", unit], timeout=_ACTION_TIMEOUT_SECONDS, check=False)
    try:
        run(["systemctl", action, unit], timeout=_ACTION_TIMEOUT_SECONDS)
    except CommandFailed as error:
        raise CommandFailed(error.message, details=last_log_lines(unit)) from error


def enable_now(unit: str) -> None:
    """Raises CommandFailed with the unit's last log lines."""
    try:
        run(["systemctl", "enable", "--now", unit], timeout=_ACTION_TIMEOUT_SECONDS)
    except CommandFailed as error:
        raise CommandFailed(error.message, details=last_log_lines(unit)) from error


def last_log_lines(unit: str, count: int = 6) -> list[str]:
    done = run(["journalctl", "-u", unit, "-n", str(count), "-o", "cat", "--no-pager"], timeout=10, check=False)
    return done.stdout.strip().splitlines()
