"""Domains, mailboxes and addresses in the database.

`address` holds every address that mail is taken for, each mailbox's own among them, so that its primary key
keeps two people from having the same one, whatever runs at the same moment.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

from rupost_core.database.metadata import MAIN
from rupost_core.mail.model import Domain, Mailbox

domain = Table(
    "domain",
    MAIN,
    Column("name", Text, primary_key=True),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)

mailbox = Table(
    "mailbox",
    MAIN,
    Column("address", Text, primary_key=True),
    Column("domain", Text, ForeignKey("domain.name"), nullable=False, index=True),
    Column("directory", Text, ForeignKey("directory.name"), nullable=False),
    Column("entry_key", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("home", Text, nullable=False, unique=True),
    Column("quota_bytes", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("directory", "entry_key"),
)

address = Table(
    "address",
    MAIN,
    Column("address", Text, primary_key=True),
    Column(
        "mailbox",
        Text,
        ForeignKey("mailbox.address", ondelete="CASCADE", onupdate="CASCADE"),
        nullable=False,
        index=True,
    ),
)


def add_domain(connection: Connection, name: str) -> Domain | None:
    """The stored domain, or None when it is there already."""
    query = insert(domain).values(name=name).on_conflict_do_nothing().returning(domain)
    row = connection.execute(query).one_or_none()
    return Domain(row.name, row.created_at) if row else None


def add_mailbox(connection: Connection, new: Mailbox) -> None:
    """Stores the mailbox with its addresses, which must be free.

    Raises SQLAlchemy's IntegrityError when another transaction was quicker.
    """
    connection.execute(
        mailbox.insert().values(
            address=new.address,
            domain=new.domain,
            directory=new.directory,
            entry_key=new.entry_key,
            login=new.login,
            display_name=new.display_name,
            home=new.home,
            quota_bytes=new.quota_bytes,
            active=new.active,
        )
    )
    rows = [{"address": one, "mailbox": new.address} for one in (new.address, *new.aliases)]
    connection.execute(address.insert(), rows)
