"""What the lint must know about this node, gathered where the node is."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rupost_core.configuration.lint.model import HostFacts
from rupost_core.errors import CommandFailed
from rupost_core.host.commands import run
from rupost_core.settings import Settings

# capabilities(7): who has it may raise its hard limits, up to fs.nr_open.
_CAP_SYS_RESOURCE = 24
# LimitNOFILE of the units of HAProxy and nginx that the package installs.
_UNITS_LIMIT = 131_072


def gather_facts(settings: Settings, live_root: str, domains: Sequence[str]) -> HostFacts:
    """The facts of this node now; what it does not tell stays unknown."""
    return HostFacts(
        now=datetime.now(UTC),
        node_name=settings.node_name,
        node_address=settings.node_address,
        live_root=live_root,
        domains=tuple(domains),
        addresses=_addresses(),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        open_files=_open_files(),
    )


def _addresses() -> frozenset[str]:
    try:
        links = json.loads(run(["ip", "-j", "addr", "show"], timeout=5).stdout or "[]")
    except (CommandFailed, json.JSONDecodeError):
        return frozenset()
    return frozenset(
        str(address["local"]) for link in links for address in link.get("addr_info", []) if "local" in address
    )


def _open_files() -> int:
    """What a daemon gets that asks for its unit's limit: systemd may raise it only with the capability."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        capabilities = int(status.partition("CapEff:")[2].split()[0], 16)
        highest = int(Path("/proc/sys/fs/nr_open").read_text(encoding="ascii"))
    except (OSError, ValueError, IndexError):
        return 0
    if not capabilities & 1 << _CAP_SYS_RESOURCE:
        highest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(highest, _UNITS_LIMIT)
