"""The real node under a deployment: systemd's units and the public ports."""

from __future__ import annotations

from rupost_core.components.probe import ProbeResult, probe_all
from rupost_core.host import units


class NodeHost:
    """See `deploy.Host`. `address` is the node's own IP address, where clients reach it."""

    def __init__(self, address: str) -> None:
        self._address = address

    def act(self, action: str, unit: str) -> None:
        units.act(action, unit)

    def is_active(self, unit: str) -> bool:
        return units.is_active(unit)

    def probe(self, within_seconds: float) -> list[ProbeResult]:
        return probe_all(self._address, within_seconds)
