"""Moments that stay comparable when somebody sets the clock, and across a reboot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Moment:
    """`wall` is Unix time in seconds (UTC); `since_boot` counts seconds of the boot that `boot` names (random(4)).

    The seconds since boot go on while the machine is suspended (CLOCK_BOOTTIME, clock_gettime(2)).
    """

    wall: float
    boot: str
    since_boot: float

    def seconds_since(self, earlier: Moment) -> float:
        """Within one boot the wall clock is not asked; after a reboot at least the time since then has passed."""
        if self.boot == earlier.boot:
            return self.since_boot - earlier.since_boot
        return max(self.wall - earlier.wall, self.since_boot)


def now() -> Moment:
    boot = _BOOT_ID.read_text(encoding="ascii").strip()
    return Moment(time.time(), boot, time.clock_gettime(time.CLOCK_BOOTTIME))
