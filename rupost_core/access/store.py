"""The journal and the cluster's data key in the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Identity, LargeBinary, SmallInteger, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, insert

from rupost_core.access.model import JournalRow
from rupost_core.database.metadata import MAIN
from rupost_core.operation import JournalEntry
from rupost_core.secret import WrappedKey

journal = Table(
    "journal",
    MAIN,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now(), index=True),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("face", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("error", Text, nullable=False, server_default=""),
)

cluster_key = Table(
    "cluster_key",
    MAIN,
    Column("id", SmallInteger, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)

_THE_KEY = 1


def add_entry(connection: Connection, entry: JournalEntry) -> None:
    connection.execute(
        journal.insert().values(
            actor=entry.actor.login,
            role=entry.actor.role.name.lower(),
            face=entry.actor.face,
            operation=entry.operation,
            outcome=entry.outcome,
            subject=entry.subject,
            before=entry.before,
            after=entry.after,
            error=entry.error,
        )
    )


def latest_entries(connection: Connection, limit: int) -> list[JournalRow]:
    rows = connection.execute(journal.select().order_by(journal.c.id.desc()).limit(limit))
    return [JournalRow(**row._mapping) for row in rows]


def load_key(connection: Connection) -> WrappedKey | None:
    row = connection.execute(cluster_key.select()).one_or_none()
    return WrappedKey(bytes(row.salt), bytes(row.sealed)) if row else None


def save_first_key(connection: Connection, wrapped: WrappedKey) -> None:
    """Does nothing when another node has already put a key there."""
    connection.execute(
        insert(cluster_key).values(id=_THE_KEY, salt=wrapped.salt, sealed=wrapped.sealed).on_conflict_do_nothing()
    )


def replace_key(connection: Connection, wrapped: WrappedKey) -> None:
    """The same data key under another database password."""
    connection.execute(cluster_key.update().values(salt=wrapped.salt, sealed=wrapped.sealed))
