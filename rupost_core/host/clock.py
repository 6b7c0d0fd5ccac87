"""Moments that stay comparable when somebody sets the clock, and across a reboot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Moment:
    """`wall` is Unix time in seconds (UTC); `steady` counts seconds of the boot that `boot` names (random(4)).

    They go on while the machine is suspended (CLOCK_BOOTTIME, clock_gettime(2)); in a container they are the host's.
    """

    wall: float
    boot: str
    steady: float

    def seconds_since(self, earlier: Moment) -> float:
        """Within one boot the wall clock is not asked; over a reboot there is no other, which may have gone back."""
        if self.boot == earlier.boot:
            return self.steady - earlier.steady
        return max(self.wall - earlier.wall, 0.0)

    def before(self, seconds: float) -> Moment:
        """So long ago, by both clocks."""
        return Moment(self.wall - seconds, self.boot, self.steady - seconds)


def now() -> Moment:
    boot = _BOOT_ID.read_text(encoding="ascii").strip()
    return Moment(time.time(), boot, time.clock_gettime(time.CLOCK_BOOTTIME))
