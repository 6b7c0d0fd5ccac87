"""Operations on access: reading the journal."""

from __future__ import annotations

from rupost_core.access import store
from rupost_core.access.model import JournalRow
from rupost_core.operation import Role, Service, Work, operation


class AccessService(Service):
    @operation("journal.list", Role.ADMINISTRATOR, reads=True)
    def journal(self, work: Work, limit: int = 50) -> list[JournalRow]:
        """Lists the newest journal rows first."""
        return store.latest_entries(work.connection, limit)
