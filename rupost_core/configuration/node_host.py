"""The real node under a deployment: systemd's units, the public ports, and the certificate that they serve."""

from __future__ import annotations

import time

from rupost_core.certificates.served import chain_of, compare
from rupost_core.components.probe import PortProbe, ProbeResult, probe_all
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.host import units

# A port that has only just answered may still finish what it began with the former certificate.
_LEAST_SECONDS = 5.0


class NodeHost:
    """See `deploy.Host`. `address` is the node's own IP address, where clients reach it."""

    def __init__(self, address: str, live: LiveConfiguration) -> None:
        self._address = address
        self._live = live

    def act(self, action: str, unit: str) -> None:
        units.act(action, unit)

    def is_active(self, unit: str) -> bool:
        return units.is_active(unit)

    def probe(self, within_seconds: float) -> list[ProbeResult]:
        """Every public port, and then whether the mail ports serve the certificate of the live generation."""
        started = time.monotonic()
        results = probe_all(self._address, within_seconds)
        chain = chain_of(self._live.certificate_pem())
        if not chain or any(result.error for result in results):
            return results
        left = max(within_seconds - (time.monotonic() - started), _LEAST_SECONDS)
        return results + [
            ProbeResult(PortProbe(one.port.port, one.port.purpose, True, b"", b""), one.seconds, one.error)
            for one in compare(self._address, {"mail": chain}, left)
        ]
