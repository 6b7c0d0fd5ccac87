"""Drift as the nodes' agents saw it, and overrides, in the database. The overrides' texts are sealed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Column, Connection, LargeBinary, Row, Table, Text, func
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from rupost_core.configuration.drift import Kind
from rupost_core.configuration.override import Override
from rupost_core.database.metadata import MAIN
from rupost_core.errors import NotFound
from rupost_core.i18n import translate as _
from rupost_core.secret import Keyring
from rupost_core.text import nearest

drift = Table(
    "drift",
    MAIN,
    Column("node", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("seen_at", TIMESTAMP(timezone=True), nullable=False),
)

override = Table(
    "override",
    MAIN,
    Column("path", Text, primary_key=True),
    Column("base_sealed", LargeBinary, nullable=False),
    Column("text_sealed", LargeBinary, nullable=False),
    Column("secret", Boolean, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)


@dataclass(frozen=True)
class NotedDrift:
    """A drifted path as the node's agent saw it; the time is UTC."""

    node: str
    path: str
    kind: Kind
    seen_at: datetime


def noted(connection: Connection, node: str | None = None) -> list[NotedDrift]:
    """What is noted of one node, or of all."""
    query = drift.select().order_by(drift.c.node, drift.c.path)
    if node is not None:
        query = query.where(drift.c.node == node)
    return [NotedDrift(**row._mapping) for row in connection.execute(query)]


def note(connection: Connection, node: str, found: Iterable[NotedDrift]) -> None:
    """Replaces what is noted of the node."""
    connection.execute(drift.delete().where(drift.c.node == node))
    rows = [{"node": node, "path": one.path, "kind": one.kind, "seen_at": one.seen_at} for one in found]
    if rows:
        connection.execute(drift.insert(), rows)


def overrides(connection: Connection, keyring: Keyring) -> list[Override]:
    """Every override, opened, by path; raises SealBroken."""
    return [_opened(keyring, row) for row in connection.execute(override.select().order_by(override.c.path))]


def find_override(connection: Connection, keyring: Keyring, path: str) -> Override | None:
    row = connection.execute(override.select().where(override.c.path == path)).one_or_none()
    return _opened(keyring, row) if row else None


def get_override(connection: Connection, keyring: Keyring, path: str) -> Override:
    """Raises NotFound."""
    found = find_override(connection, keyring, path)
    if found is None:
        known = connection.scalars(override.select().with_only_columns(override.c.path)).all()
        raise NotFound(
            _("There is no override of {path}.", path=path) + nearest(path, known),
            hint=_("List them: rupost config override list"),
        )
    return found


def save_override(connection: Connection, keyring: Keyring, wanted: Override) -> None:
    """Stores the override in place of the path's former one."""
    values = {
        "base_sealed": _seal(keyring, wanted.base, wanted.path, "base"),
        "text_sealed": _seal(keyring, wanted.text, wanted.path, "text"),
        "secret": wanted.secret,
        "author": wanted.author,
        "reason": wanted.reason,
        "changed_at": wanted.changed_at or func.now(),
    }
    connection.execute(
        insert(override)
        .values(path=wanted.path, **values)
        .on_conflict_do_update(index_elements=["path"], set_=values)
    )


def drop_override(connection: Connection, path: str) -> None:
    connection.execute(override.delete().where(override.c.path == path))


def _opened(keyring: Keyring, row: Row[tuple[object, ...]]) -> Override:
    return Override(
        row.path,
        _open(keyring, row.base_sealed, row.path, "base"),
        _open(keyring, row.text_sealed, row.path, "text"),
        row.secret,
        row.author,
        row.reason,
        row.changed_at,
    )


def _seal(keyring: Keyring, text: str, path: str, part: str) -> bytes:
    return keyring.seal(zlib.compress(text.encode()), f"override:{path}:{part}")


def _open(keyring: Keyring, sealed: bytes, path: str, part: str) -> str:
    return zlib.decompress(keyring.open(bytes(sealed), f"override:{path}:{part}")).decode()
