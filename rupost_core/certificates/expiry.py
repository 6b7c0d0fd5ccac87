"""Which certificates in use are about to expire. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rupost_core.certificates.model import Certificate

WARN_DAYS = 30


@dataclass(frozen=True)
class Expiring:
    """`days` are whole days from now; below zero it has expired."""

    certificate: Certificate
    days: int


def in_use(certificates: Iterable[Certificate]) -> list[Certificate]:
    """The one of each kind that serves: the first, as store.every orders them."""
    first: dict[str, Certificate] = {}
    for certificate in certificates:
        first.setdefault(certificate.kind, certificate)
    return list(first.values())


def expiring(certificates: Iterable[Certificate], now: datetime, within_days: int = WARN_DAYS) -> list[Expiring]:
    """Those in use that expire within so many days of `now` (UTC) or have expired, the soonest first."""
    limit = now + timedelta(days=within_days)
    found = [
        Expiring(certificate, (certificate.not_after - now).days)
        for certificate in in_use(certificates)
        if certificate.not_after <= limit
    ]
    return sorted(found, key=lambda one: one.certificate.not_after)
