"""SQLAlchemy engines over `connect`, one a database, made when first used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, exc
from sqlalchemy.pool import QueuePool

from rupost_core.database.connect import connect
from rupost_core.database.trouble import typed
from rupost_core.errors import DatabaseError
from rupost_core.settings import DatabaseSettings


class Database:
    """Transactions on the three databases. Nothing is opened before the first transaction."""

    def __init__(self, settings: DatabaseSettings, pool_size: int = 1) -> None:
        self.settings = settings
        self._pool_size = pool_size

    @cached_property
    def main(self) -> Engine:
        return self._engine(self.settings.name)

    @cached_property
    def logs(self) -> Engine:
        return self._engine(self.settings.logs_name)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction on `rupost`; driver errors come out as DatabaseError."""
        with translated_errors(), self.main.begin() as connection:
            yield connection

    @contextmanager
    def logs_transaction(self) -> Iterator[Connection]:
        with translated_errors(), self.logs.begin() as connection:
            yield connection

    def close(self) -> None:
        for name in ("main", "logs"):
            engine = self.__dict__.pop(name, None)
            if engine is not None:
                engine.dispose()

    def _engine(self, database: str) -> Engine:
        return create_engine(
            "postgresql+psycopg2://",
            creator=lambda: connect(self.settings, database),
            poolclass=QueuePool,
            pool_size=self._pool_size,
            pool_pre_ping=self._pool_size > 1,
        )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Driver errors that an administrator can meet, as typed errors; other database errors are bugs and pass."""
    try:
        yield
    except exc.DBAPIError as error:
        if isinstance(error.__cause__, DatabaseError):
            raise error.__cause__ from error
        original = error.orig if isinstance(error.orig, Exception) else error
        found = typed(original, lost_connection=isinstance(error, exc.OperationalError))
        if found is None:
            raise
        raise found from error
    except psycopg2.Error as error:
        found = typed(error, lost_connection=isinstance(error, psycopg2.OperationalError))
        if found is None:
            raise
        raise found from error
