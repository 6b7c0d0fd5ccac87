"""A line of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class JournalRow:
    """Who did what from which face, when (UTC), and how it ended: done, refused or failed."""

    id: int
    at: datetime
    actor: str
    role: str
    face: str
    operation: str
    outcome: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    error: str
