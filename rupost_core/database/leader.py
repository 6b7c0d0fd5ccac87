"""One node of the cluster at a time: a PostgreSQL session advisory lock, held for as long as the connection lives.

A process that dies, or loses its connection, loses the lead with it; there is nothing to clean up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from rupost_core.database.connect import connect
from rupost_core.errors import DatabaseUnreachable
from rupost_core.i18n import translate as _
from rupost_core.settings import DatabaseSettings

if TYPE_CHECKING:
    from psycopg2.extensions import connection as PsycopgConnection


class Lead:
    """`lock` is a number that the same work has on every node."""

    def __init__(self, settings: DatabaseSettings, lock: int) -> None:
        self._settings = settings
        self._lock = lock
        self._connection: PsycopgConnection | None = None

    def hold(self) -> bool:
        """Whether this process leads now; takes the lead when nobody has it. Raises DatabaseError."""
        try:
            if self._connection is not None:
                self._ask(self._connection, "SELECT true")
                return True
            connection = connect(self._settings, self._settings.name)
            connection.autocommit = True
            self._connection = connection
            if self._ask(connection, f"SELECT pg_try_advisory_lock({self._lock:d})"):
                return True
        except psycopg2.Error as error:
            self.release()
            raise DatabaseUnreachable(
                _("The connection to the database was lost: {said}", said=" ".join(str(error).split()))
            ) from error
        self.release()
        return False

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @staticmethod
    def _ask(connection: PsycopgConnection, statement: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
        return bool(row and row[0])
