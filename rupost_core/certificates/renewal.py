"""When a certificate that was ordered by ACME is to be ordered anew. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from rupost_core.certificates.acme_store import Order

# With this part of its life left; authorities' clocks and failures leave time for many attempts.
_LEFT_PART = 3
_ATTEMPTS_IN_A_LIFE = 30
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)


def due_at(order: Order) -> datetime:
    """When a third of its life is left; after a failure, a while after that."""
    life = order.not_after - order.not_before
    due = order.not_after - life / _LEFT_PART
    if order.failure and order.tried_at is not None:
        pause = min(max(life / _ATTEMPTS_IN_A_LIFE, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        return max(due, order.tried_at + pause)
    return due


def is_due(order: Order, now: datetime) -> bool:
    return now >= due_at(order)
