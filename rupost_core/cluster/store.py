"""Nodes in the database. Ages are counted by the database's clock, so that nodes' clocks do not matter."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Table, Text, func, select
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from rupost_core.cluster.model import Node
from rupost_core.database.metadata import MAIN

node = Table(
    "node",
    MAIN,
    Column("name", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("registered_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
    Column("seen_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)


def register(connection: Connection, name: str, address: str) -> None:
    """Adds the node, or notes that it was seen and where."""
    connection.execute(
        insert(node)
        .values(name=name, address=address)
        .on_conflict_do_update(index_elements=["name"], set_={"address": address, "seen_at": func.now()})
    )


def every(connection: Connection) -> list[Node]:
    silent = func.extract("epoch", func.clock_timestamp() - node.c.seen_at).label("silent_seconds")
    rows = connection.execute(select(node, silent).order_by(node.c.name))
    return [Node(row.name, row.address, row.registered_at, row.seen_at, float(row.silent_seconds)) for row in rows]
