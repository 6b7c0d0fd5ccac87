"""The desk of one actor: transactions on the database, the journal, and the keyring that opens secrets."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from rupost_core.database.reader import reading
from rupost_core.errors import DatabaseSchema
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor, JournalEntry
from rupost_core.secret import Keyring
from rupost_core.settings import Settings

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from sqlalchemy import Connection

    from rupost_core.database.engine import Database


class OfficeDesk:
    """The Desk of operation.py over PostgreSQL. The engine is made when something is changed for the first time."""

    def __init__(self, settings: Settings, actor: Actor, pool_size: int = 1) -> None:
        self.settings = settings
        self._actor = actor
        self._pool_size = pool_size

    @cached_property
    def database(self) -> Database:
        from rupost_core.database.engine import Database

        return Database(self.settings.database, self._pool_size)

    @property
    def actor(self) -> Actor:
        return self._actor

    def transaction(self) -> AbstractContextManager[Connection]:
        return self.database.transaction()

    def reading(self) -> AbstractContextManager[Cursor]:
        return reading(self.settings.database)

    def write(self, connection: Connection, entry: JournalEntry) -> None:
        from rupost_core.access import store

        store.add_entry(connection, entry)

    @cached_property
    def keyring(self) -> Keyring:
        """The cluster's data key. Deriving the key that opens it takes about 0.1 s, once a process."""
        from rupost_core.access import store

        with self.database.transaction() as connection:
            wrapped = store.load_key(connection)
        if wrapped is None:
            raise DatabaseSchema(
                _("The database holds no data key yet."),
                hint=_("Set this node up: sudo rupost-wizard --silent …"),
            )
        return Keyring.unwrap(wrapped, self.settings.database.password)

    def close(self) -> None:
        database = self.__dict__.pop("database", None)
        if database is not None:
            database.close()
