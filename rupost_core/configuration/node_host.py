"""The real node under a deployment: systemd's units and the public ports."""

from __future__ import annotations

from collections.abc import Collection

from rupost_core.components.probe import ProbeResult, probe_all
from rupost_core.host import units


class NodeHost:
    """See `uptake.Host`. `address` is the node's own IP address, where clients reach it."""

    def __init__(self, address: str) -> None:
        self._address = address

    def act(self, action: str, unit: str) -> None:
        units.act(action, unit)

    def states(self, names: Collection[str]) -> dict[str, str]:
        return units.states(names)

    def probe(self, within_seconds: float) -> list[ProbeResult]:
        return probe_all(self._address, within_seconds)
