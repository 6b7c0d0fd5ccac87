"""Reading by plain SQL over the driver alone.

Importing SQLAlchemy takes longer than answering a simple question, and `rupost mailbox list` must answer at once. So
questions that a person waits for are asked here; whatever changes something goes through engine.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rupost_core.database.connect import connect
from rupost_core.database.trouble import typed
from rupost_core.settings import DatabaseSettings

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor
    from sqlalchemy import Connection


@contextmanager
def reading(settings: DatabaseSettings) -> Iterator[Cursor]:
    """A cursor in a read-only transaction on `rupost`; driver errors come out as DatabaseError."""
    import psycopg2

    connection = connect(settings, settings.name)
    try:
        connection.set_session(readonly=True)
        yield connection.cursor()
    except psycopg2.Error as error:
        found = typed(error, lost_connection=isinstance(error, psycopg2.OperationalError))
        if found is None:
            raise
        raise found from error
    finally:
        connection.close()


def cursor_of(connection: Connection) -> Cursor:
    """A cursor in the transaction of a SQLAlchemy connection, for the same questions asked amid a change."""
    cursor: Any = connection.connection.cursor()
    return cursor  # type: ignore[no-any-return]


def rows(cursor: Cursor, sql: str, values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The answer, a mapping of column to value a row; values stand in the SQL as `%(name)s`."""
    cursor.execute(sql, values or {})
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
