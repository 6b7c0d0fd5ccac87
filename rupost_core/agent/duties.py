"""Which duties a node has. A duty opens the core by itself when it needs the database, which may be away for long."""

from __future__ import annotations

from rupost_core.agent.certificates import RenewedCertificates
from rupost_core.agent.loop import Duty
from rupost_core.operation import Actor


def duties(actor: Actor) -> list[Duty]:
    """`actor` is in whose name the agent acts."""
    return [RenewedCertificates(actor)]
