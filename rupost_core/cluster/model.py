"""A node of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Node:
    """`address` is the IP address that other nodes and clients reach it by. `seen_at` is by the database's clock."""

    name: str
    address: str
    registered_at: datetime
    seen_at: datetime
    silent_seconds: float
