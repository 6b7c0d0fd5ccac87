"""The unattended driver (manual 2.11.1, `--silent`)."""

from __future__ import annotations

import time

from rupost_core.settings import PANEL_PORT, config_path, join_host
from wizard.actions import actions
from wizard.arguments import Arguments
from wizard.flow import go
from wizard.narration import Narration
from wizard.prepare import prepare, refuse_unless_allowed


def run(arguments: Arguments, narration: Narration) -> None:
    """Everything, from looking at the server to the panel's answer; raises RupostError."""
    path = config_path()
    refuse_unless_allowed(arguments, path)
    with prepare(arguments, path, narration.say) as core:
        go(actions(core, services=arguments.services), narration, time.monotonic)
        panel = f"https://{join_host(core.settings.node_address, PANEL_PORT)}"
    narration.succeeded(str(path), panel)
