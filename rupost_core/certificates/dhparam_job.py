"""Making parameters of one's own takes minutes: the job is a unit of systemd, which outlives the terminal."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rupost_core.errors import AlreadyExists
from rupost_core.host.commands import run
from rupost_core.i18n import translate as _

UNIT = "rupost-dhparam.service"
BITS = (2048, 3072, 4096)
_MOST_SECONDS = 4 * 3600.0


@dataclass(frozen=True)
class Job:
    """`state` is none (never started, or ended well since), running or failed; `since` is systemd's time."""

    state: Literal["none", "running", "failed"]
    since: str


def start(bits: int) -> None:
    """Raises AlreadyExists while one runs, CommandFailed when systemd refuses."""
    if state().state == "running":
        raise AlreadyExists(
            _("Diffie-Hellman parameters are being made already."), hint=_("Look: rupost dhparam status")
        )
    run(["systemctl", "reset-failed", UNIT], timeout=10, check=False)
    run(
        ["systemd-run", "--quiet", f"--unit={UNIT}", "--description=RuPost: Diffie-Hellman parameters",
         "--property=Nice=10", "--property=CPUWeight=10", "--",
         "/usr/bin/rupost", "internal", "generate-dhparam", "--bits", str(bits)],
        timeout=30,
    )  # fmt: skip


def state() -> Job:
    shown = run(["systemctl", "show", UNIT, "-p", "ActiveState,StateChangeTimestamp"], timeout=10).stdout
    values = dict(line.partition("=")[::2] for line in shown.splitlines())
    states: dict[str, Literal["running", "failed"]] = {
        "active": "running", "activating": "running", "deactivating": "running", "failed": "failed",
    }  # fmt: skip
    return Job(states.get(values.get("ActiveState", ""), "none"), values.get("StateChangeTimestamp", ""))


def generate(bits: int) -> bytes:
    """The parameters in PEM, after minutes; raises CommandFailed."""
    with tempfile.TemporaryDirectory(prefix="rupost-dhparam-") as folder:
        file = Path(folder) / "dhparam.pem"
        run(["openssl", "dhparam", "-out", file, str(bits)], timeout=_MOST_SECONDS)
        return file.read_bytes()
