"""Domains, mailboxes and addresses in the database.

`address` holds every address that mail is taken for, each mailbox's own among them, so that its primary key
keeps two people from having the same one, whatever runs at the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Row,
    Select,
    Table,
    Text,
    UniqueConstraint,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, insert

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


def every_domain(connection: Connection) -> list[Domain]:
    rows = connection.execute(domain.select().order_by(domain.c.name))
    return [Domain(row.name, row.created_at) for row in rows]


def add_mailbox(connection: Connection, new: Mailbox) -> Mailbox:
    """Stores the mailbox with its addresses, which must be free, and returns it as stored.

    `created_at` is the database's. Raises SQLAlchemy's IntegrityError when another transaction was quicker.
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
    return by_address(connection, new.address)  # type: ignore[return-value]


def by_address(connection: Connection, wanted: str) -> Mailbox | None:
    """The mailbox that mail for the address goes to: found by its own address or by an alias."""
    owner = select(address.c.mailbox).where(address.c.address == wanted).scalar_subquery()
    row = connection.execute(_mailboxes().where(mailbox.c.address == owner)).one_or_none()
    return _mailbox(row) if row else None


def by_person(connection: Connection, directory: str, entry_key: str) -> Mailbox | None:
    query = _mailboxes().where(mailbox.c.directory == directory, mailbox.c.entry_key == entry_key)
    row = connection.execute(query).one_or_none()
    return _mailbox(row) if row else None


def taken(connection: Connection, wanted: Sequence[str]) -> list[tuple[str, str]]:
    """(address, the mailbox that has it) for those of the addresses that are not free."""
    query = select(address.c.address, address.c.mailbox).where(address.c.address.in_(wanted))
    return [(row.address, row.mailbox) for row in connection.execute(query.order_by(address.c.address))]


def search(connection: Connection, *, in_domain: str, text: str, limit: int) -> list[Mailbox]:
    """Mailboxes by address. `in_domain` and `text` may be "": every one. `text` is looked for in addresses,
    aliases, logins and names, without case."""
    query = _mailboxes().order_by(mailbox.c.address).limit(limit)
    if in_domain:
        query = query.where(mailbox.c.domain == in_domain)
    if text:
        alias = exists().where(
            address.c.mailbox == mailbox.c.address, address.c.address.icontains(text, autoescape=True)
        )
        columns = (mailbox.c.login, mailbox.c.display_name)
        query = query.where(or_(alias, *(column.icontains(text, autoescape=True) for column in columns)))
    return [_mailbox(row) for row in connection.execute(query)]


def _mailboxes() -> Select[tuple[object, ...]]:
    aliases = (
        select(func.array_agg(address.c.address, type_=ARRAY(Text)))
        .where(address.c.mailbox == mailbox.c.address, address.c.address != mailbox.c.address)
        .correlate(mailbox)
        .scalar_subquery()
    )
    return select(mailbox, aliases.label("aliases"))


def _mailbox(row: Row[tuple[object, ...]]) -> Mailbox:
    values = dict(row._mapping)
    values["aliases"] = tuple(sorted(values["aliases"] or ()))
    return Mailbox(**values)
