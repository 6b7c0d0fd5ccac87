"""The bridge that nodes and machine share. It leads nowhere else: the lab is an air-gapped site."""

import json
from typing import Any

from lab.errors import LabError
from lab.layout import BRIDGE, BRIDGE_ADDRESS, CABLE_PREFIX, PREFIX_LENGTH
from lab.run import run


def up() -> None:
    """Make the bridge, with the machine's own address on it."""
    other = [
        link["ifname"]
        for link in _ip("addr", "show", "to", f"{BRIDGE_ADDRESS}/{PREFIX_LENGTH}")
        if link.get("ifname") != BRIDGE
    ]
    if other:
        raise LabError(f"the lab's network {BRIDGE_ADDRESS}/{PREFIX_LENGTH} is already on interface {other[0]}")
    run(["ip", "link", "add", BRIDGE, "type", "bridge"], timeout=10)
    run(["ip", "addr", "add", f"{BRIDGE_ADDRESS}/{PREFIX_LENGTH}", "dev", BRIDGE], timeout=10)
    run(["ip", "link", "set", BRIDGE, "up"], timeout=10)


def down() -> bool:
    """Remove the bridge and any cable that a killed node has left; says whether there was one."""
    ours = [name for name in _names() if name == BRIDGE or name.startswith(CABLE_PREFIX)]
    for name in ours:
        # A cable vanishes by itself with its node's network namespace, perhaps between the two calls.
        run(["ip", "link", "delete", name], timeout=10, check=False)
    left = [name for name in _names() if name in ours]
    if left:
        raise LabError(f"network interfaces cannot be removed: {', '.join(left)}")
    return bool(ours)


def _names() -> list[str]:
    return [str(link["ifname"]) for link in _ip("link", "show")]


def _ip(*words: str) -> list[dict[str, Any]]:
    """What `ip` answers, as data."""
    answer = run(["ip", "-json", *words], timeout=10).stdout
    links: list[dict[str, Any]] = json.loads(answer or "[]")
    return [link for link in links if link]
