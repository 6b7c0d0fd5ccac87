"""Certificates and DH parameters in the database; private keys are sealed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
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

from rupost_core.certificates.model import Certificate, Kind, Parsed, SigningRequest, Source
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
    Column("source", Text, nullable=False, server_default="added"),
    Column("used_since", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
    Column("anchor_pem", Text, nullable=False, server_default=""),
)

certificate_request = Table(
    "certificate_request",
    MAIN,
    Column("name", Text, primary_key=True),
    Column("names", ARRAY(Text), nullable=False),
    Column("request_pem", Text, nullable=False),
    Column("key_sealed", LargeBinary, nullable=False),
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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    source: Source,
    anchor_pem: str = "",
) -> None:
    """Stores the pair under the name, in place of an older one of the same name.

    What an administrator adds is in use from now on. A renewal by ACME leaves the choice as it was, and a built-in
    certificate serves only as long as there is no other.
    """
    values = asdict(parsed)
    key_pem = values.pop("key_pem")
    values |= {
        "kind": kind,
        "names": list(parsed.names),
        "key_sealed": keyring.seal(key_pem.encode(), f"certificate:{name}"),
        "builtin": source == "builtin",
        "source": source,
        "anchor_pem": anchor_pem,
        "added_by": added_by,
        "added_at": func.now(),
    }
    used_since = _EPOCH if source == "builtin" else func.now()
    replacing = values if source == "acme" else values | {"used_since": used_since}
    connection.execute(
        insert(certificate)
        .values(name=name, used_since=used_since, **values)
        .on_conflict_do_update(index_elements=["name"], set_=replacing)
    )


def use(connection: Connection, name: str) -> None:
    """From now on this one serves, among those of its kind."""
    connection.execute(
        certificate.update().where(certificate.c.name == name).values(used_since=func.clock_timestamp())
    )


def remove(connection: Connection, name: str) -> None:
    connection.execute(certificate.delete().where(certificate.c.name == name))


def every(connection: Connection) -> list[Certificate]:
    return [_certificate(row) for row in connection.execute(_ordered())]


def by_name(connection: Connection, name: str) -> Certificate | None:
    row = connection.execute(certificate.select().where(certificate.c.name == name)).one_or_none()
    return _certificate(row) if row else None


def in_use(connection: Connection, keyring: Keyring, kind: Kind) -> Pair | None:
    """The pair that serves: the one last added or chosen among those of the kind."""
    row = connection.execute(_ordered().where(certificate.c.kind == kind).limit(1)).one_or_none()
    return _pair(row, keyring) if row else None


def pairs(connection: Connection, keyring: Keyring) -> list[Pair]:
    """All of them, in the order of `every`."""
    return [_pair(row, keyring) for row in connection.execute(_ordered())]


def add_request(connection: Connection, keyring: Keyring, request: SigningRequest, key_pem: str) -> None:
    """Keeps a request and its key, in place of an older one of the same name."""
    values = {
        "names": list(request.names),
        "request_pem": request.request_pem,
        "key_sealed": keyring.seal(key_pem.encode(), f"certificate-request:{request.name}"),
        "added_by": request.added_by,
        "added_at": func.now(),
    }
    connection.execute(
        insert(certificate_request)
        .values(name=request.name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def requests(connection: Connection, keyring: Keyring) -> list[tuple[SigningRequest, Secret]]:
    """Every request that waits for its certificate, with its key in PEM, the newest first."""
    rows = connection.execute(certificate_request.select().order_by(certificate_request.c.added_at.desc()))
    return [
        (
            SigningRequest(row.name, tuple(row.names), row.request_pem, row.added_by, row.added_at),
            Secret(keyring.open(bytes(row.key_sealed), f"certificate-request:{row.name}").decode()),
        )
        for row in rows
    ]


def remove_request(connection: Connection, name: str) -> None:
    connection.execute(certificate_request.delete().where(certificate_request.c.name == name))


def set_dhparam(connection: Connection, name: str, bits: int, pem: str) -> None:
    values = {"name": name, "bits": bits, "pem": pem, "added_at": func.now()}
    connection.execute(
        insert(dhparam).values(id=_THE_DHPARAM, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def get_dhparam(connection: Connection) -> tuple[str, int, str] | None:
    """(name, bits, PEM), or None before the wizard has run."""
    row = connection.execute(dhparam.select()).one_or_none()
    return (row.name, row.bits, row.pem) if row else None


def dhparam_added_at(connection: Connection) -> datetime | None:
    """When the parameters were put there, UTC."""
    return connection.scalar(select(dhparam.c.added_at))


def _ordered() -> Select[Any]:
    return select(certificate).order_by(
        certificate.c.used_since.desc(), certificate.c.added_at.desc(), certificate.c.name
    )


def _pair(row: Row[Any], keyring: Keyring) -> Pair:
    key = keyring.open(bytes(row.key_sealed), f"certificate:{row.name}")
    return Pair(_certificate(row), Secret(key.decode()))


def _certificate(row: Row[Any]) -> Certificate:
    values = {key: value for key, value in row._mapping.items() if key != "key_sealed"}
    values["names"] = tuple(values["names"])
    return Certificate(**values)
