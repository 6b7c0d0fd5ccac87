"""The desk of one actor: transactions on the database, the journal, and the keyring that opens secrets."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property

from sqlalchemy import Connection

from rupost_core.access import store
from rupost_core.database.engine import Database
from rupost_core.errors import DatabaseSchema
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor, JournalEntry
from rupost_core.secret import Keyring
from rupost_core.settings import Settings


class OfficeDesk:
    """The Desk of operation.py over PostgreSQL."""

    def __init__(self, settings: Settings, database: Database, actor: Actor) -> None:
        self.settings = settings
        self.database = database
        self._actor = actor

    @property
    def actor(self) -> Actor:
        return self._actor

    def transaction(self) -> AbstractContextManager[Connection]:
        return self.database.transaction()

    def write(self, connection: Connection, entry: JournalEntry) -> None:
        store.add_entry(connection, entry)

    @cached_property
    def keyring(self) -> Keyring:
        """The cluster's data key. Deriving the key that opens it takes about 0.1 s, once a process."""
        with self.database.transaction() as connection:
            wrapped = store.load_key(connection)
        if wrapped is None:
            raise DatabaseSchema(
                _("The database holds no data key yet."),
                hint=_("Set this node up: sudo rupost-wizard --silent …"),
            )
        return Keyring.unwrap(wrapped, self.settings.database.password)
