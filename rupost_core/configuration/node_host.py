"""The real node under a deployment: systemd's units, the public ports, and the certificate that they serve."""

from __future__ import annotations

import time
from collections.abc import Collection

from rupost_core.components.probe import PortProbe, ProbeResult, probe_all
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.host import units

# A port that has only just answered may still finish what it began with the former certificate.
_LEAST_SECONDS = 5.0


class NodeHost:
    """See `uptake.Host`. `address` is the node's own IP address, where clients reach it.

    With `live` a probe also compares the certificate that is really served with the live generation's.
    """

    def __init__(self, address: str, live: LiveConfiguration | None = None) -> None:
        self._address = address
        self._live = live

    def act(self, action: str, unit: str) -> None:
        units.act(action, unit)

    def states(self, names: Collection[str]) -> dict[str, str]:
        return units.states(names)

    def probe(self, within_seconds: float) -> list[ProbeResult]:
        """Every public port, and then whether the mail ports serve the certificate of the live generation."""
        started = time.monotonic()
        results = probe_all(self._address, within_seconds)
        if self._live is None:
            return results
        # Not at the top: whoever puts a node right after a crash has no second to spare for it.
        from rupost_core.certificates.served import chain_of, compare

        chain = chain_of(self._live.certificate_pem())
        if not chain or any(result.error for result in results):
            return results
        left = max(within_seconds - (time.monotonic() - started), _LEAST_SECONDS)
        return results + [
            ProbeResult(PortProbe(one.port.port, one.port.purpose, True, b"", b""), one.seconds, one.error)
            for one in compare(self._address, {"mail": chain}, left)
        ]
