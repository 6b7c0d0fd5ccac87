"""How a command reaches the core, and in whose name."""

from __future__ import annotations

import os
import pwd

from rupost_core import settings
from rupost_core.core import Core
from rupost_core.operation import Actor, Role


def local_actor(login: str | None = None) -> Actor:
    """The person at this terminal. Root is the node's local administrator (manual 1.1); others may look.

    `login` names another administrator in whose name root acts (manual 2.12.2, `--login`).
    """
    if os.geteuid() != 0:
        return Actor(pwd.getpwuid(os.geteuid()).pw_name, Role.VIEWER, "cli")
    return Actor(login or os.environ.get("SUDO_USER") or "root", Role.ADMINISTRATOR, "cli")


def open_core(login: str | None = None) -> Core:
    """The core with this node's settings; raises NotConfigured before the wizard has run."""
    return Core(settings.load(), local_actor(login))
