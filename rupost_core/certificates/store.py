"""Certificates and DH parameters in the database; private keys are sealed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    Select,
    SmallInteger,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, insert

from rupost_core.certificates.model import Certificate, Kind, Parsed
from rupost_core.database.metadata import MAIN
from rupost_core.secret import Keyring, Secret

certificate = Table(
    "certificate",
    MAIN,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("names", ARRAY(Text), nullable=False),
    Column("issuer", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("not_before", TIMESTAMP(timezone=True), nullable=False),
    Column("not_after", TIMESTAMP(timezone=True), nullable=False),
    Column("chain_pem", Text, nullable=False),
    Column("key_sealed", LargeBinary, nullable=False),
    Column("builtin", Boolean, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)

dhparam = Table(
    "dhparam",
    MAIN,
    Column("id", SmallInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("bits", Integer, nullable=False),
    Column("pem", Text, nullable=False),
    Column("added_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)

_THE_DHPARAM = 1  # manual 2.12.1: the database keeps one


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain and its opened private key."""

    certificate: Certificate
    key_pem: Secret


def add(
    connection: Connection,
    keyring: Keyring,
    name: str,
    kind: Kind,
    parsed: Parsed,
    added_by: str,
    *,
    builtin: bool,
) -> None:
    """Stores the pair under the name, in place of an older one of the same name."""
    values = asdict(parsed)
    key_pem = values.pop("key_pem")
    values |= {
        "kind": kind,
        "names": list(parsed.names),
        "key_sealed": keyring.seal(key_pem.encode(), f"certificate:{name}"),
        "builtin": builtin,
        "added_by": added_by,
        "added_at": func.now(),
    }
    connection.execute(
        insert(certificate).values(name=name, **values).on_conflict_do_update(index_elements=["name"], set_=values)
    )


def every(connection: Connection) -> list[Certificate]:
    return [_certificate(row) for row in connection.execute(_ordered())]


def by_name(connection: Connection, name: str) -> Certificate | None:
    row = connection.execute(certificate.select().where(certificate.c.name == name)).one_or_none()
    return _certificate(row) if row else None


def in_use(connection: Connection, keyring: Keyring, kind: Kind) -> Pair | None:
    """The pair that serves: the newest of the kind that an administrator added, else the built-in one."""
    row = connection.execute(_ordered().where(certificate.c.kind == kind).limit(1)).one_or_none()
    if row is None:
        return None
    key = keyring.open(bytes(row.key_sealed), f"certificate:{row.name}")
    return Pair(_certificate(row), Secret(key.decode()))


def set_dhparam(connection: Connection, name: str, bits: int, pem: str) -> None:
    values = {"name": name, "bits": bits, "pem": pem, "added_at": func.now()}
    connection.execute(
        insert(dhparam).values(id=_THE_DHPARAM, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def get_dhparam(connection: Connection) -> tuple[str, int, str] | None:
    """(name, bits, PEM), or None before the wizard has run."""
    row = connection.execute(dhparam.select()).one_or_none()
    return (row.name, row.bits, row.pem) if row else None


def _ordered() -> Select[Any]:
    return select(certificate).order_by(certificate.c.builtin, certificate.c.added_at.desc(), certificate.c.name)


def _certificate(row: Row[Any]) -> Certificate:
    values = {key: value for key, value in row._mapping.items() if key != "key_sealed"}
    values["names"] = tuple(values["names"])
    return Certificate(**values)
