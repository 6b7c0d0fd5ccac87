"""Which duties a node has. A duty opens the core by itself when it needs the database, which may be away for long."""

from __future__ import annotations

from rupost_core.agent.certificates import RenewedCertificates
from rupost_core.agent.deployments import Deployments, Health, Reports
from rupost_core.agent.drift import DriftNotes, DriftWatch, Sightings
from rupost_core.agent.loop import Duty
from rupost_core.operation import Actor


def duties(actor: Actor) -> list[Duty]:
    """`actor` is in whose name the agent acts."""
    sightings = Sightings()
    return [
        Deployments(),
        Health(),
        Reports(actor),
        DriftWatch(actor, sightings),
        DriftNotes(actor, sightings),
        RenewedCertificates(actor),
    ]
