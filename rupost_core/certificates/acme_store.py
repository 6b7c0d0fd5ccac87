"""ACME accounts and orders in the database; account keys are sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Column, Connection, ForeignKey, LargeBinary, Table, Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, insert

from rupost_core.certificates.signing_request import KeyKind
from rupost_core.certificates.store import certificate
from rupost_core.database.metadata import MAIN
from rupost_core.secret import Keyring, Secret

acme_account = Table(
    "acme_account",
    MAIN,
    Column("directory_url", Text, primary_key=True),
    Column("account_url", Text, nullable=False),
    Column("contacts", ARRAY(Text), nullable=False),
    Column("ca_pem", Text, nullable=False),
    Column("key_sealed", LargeBinary, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)

acme_order = Table(
    "acme_order",
    MAIN,
    Column("certificate", Text, ForeignKey("certificate.name", ondelete="CASCADE"), primary_key=True),
    Column("directory_url", Text, ForeignKey("acme_account.directory_url"), nullable=False),
    Column("names", ARRAY(Text), nullable=False),
    Column("key_kind", Text, nullable=False),
    Column("tried_at", TIMESTAMP(timezone=True)),
    Column("failure", Text, nullable=False, server_default=""),
)


@dataclass(frozen=True)
class Account:
    """An account with an authority. `ca_pem` is what the authority's own certificate is checked with, where given."""

    directory_url: str
    account_url: str
    contacts: tuple[str, ...]
    ca_pem: str
    key_pem: Secret


@dataclass(frozen=True)
class Order:
    """A certificate that is ordered anew in time. `failure`: why the last attempt, at `tried_at`, failed."""

    certificate: str
    directory_url: str
    names: tuple[str, ...]
    key_kind: KeyKind
    not_before: datetime
    not_after: datetime
    tried_at: datetime | None = None
    failure: str = ""


def account(connection: Connection, keyring: Keyring, directory_url: str) -> Account | None:
    row = connection.execute(acme_account.select().where(acme_account.c.directory_url == directory_url)).one_or_none()
    if row is None:
        return None
    key = keyring.open(bytes(row.key_sealed), f"acme-account:{directory_url}")
    return Account(directory_url, row.account_url, tuple(row.contacts), row.ca_pem, Secret(key.decode()))


def save_account(connection: Connection, keyring: Keyring, saved: Account, added_by: str) -> None:
    values = {
        "account_url": saved.account_url,
        "contacts": list(saved.contacts),
        "ca_pem": saved.ca_pem,
        "key_sealed": keyring.seal(saved.key_pem.reveal().encode(), f"acme-account:{saved.directory_url}"),
        "added_by": added_by,
    }
    connection.execute(
        insert(acme_account)
        .values(directory_url=saved.directory_url, **values)
        .on_conflict_do_update(index_elements=["directory_url"], set_=values)
    )


def orders(connection: Connection) -> list[Order]:
    """Every order, with the dates of the certificate that it has brought."""
    dates = (certificate.c.not_before, certificate.c.not_after)
    rows = connection.execute(
        select(acme_order, *dates).join(certificate, certificate.c.name == acme_order.c.certificate)
    )
    return [
        Order(
            row.certificate, row.directory_url, tuple(row.names), cast(KeyKind, row.key_kind),
            row.not_before, row.not_after, row.tried_at, row.failure,
        )
        for row in rows
    ]  # fmt: skip


def save_order(
    connection: Connection, name: str, directory_url: str, names: tuple[str, ...], key_kind: KeyKind
) -> None:
    """Notes that this certificate was brought by this order, just now."""
    values = {
        "directory_url": directory_url,
        "names": list(names),
        "key_kind": key_kind,
        "tried_at": func.now(),
        "failure": "",
    }
    connection.execute(
        insert(acme_order)
        .values(certificate=name, **values)
        .on_conflict_do_update(index_elements=["certificate"], set_=values)
    )


def note_failure(connection: Connection, name: str, failure: str) -> None:
    connection.execute(
        acme_order.update().where(acme_order.c.certificate == name).values(tried_at=func.now(), failure=failure)
    )


def remove_order(connection: Connection, name: str) -> None:
    """The certificate is no longer ordered anew."""
    connection.execute(acme_order.delete().where(acme_order.c.certificate == name))
