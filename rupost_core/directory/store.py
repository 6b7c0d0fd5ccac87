"""Directories in the database; the service accounts' passwords are sealed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Connection, LargeBinary, Row, Table, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from rupost_core.database.metadata import MAIN
from rupost_core.directory.model import Directory, DirectoryAccess
from rupost_core.secret import Keyring, Secret

directory = Table(
    "directory",
    MAIN,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("urls", ARRAY(Text), nullable=False),
    Column("starttls", Boolean, nullable=False),
    Column("base", Text, nullable=False),
    Column("bind_dn", Text, nullable=False),
    Column("bind_password_sealed", LargeBinary, nullable=False),
    Column("ca_pem", Text, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=func.now()),
)


def add(connection: Connection, keyring: Keyring, new: Directory, password: Secret) -> Directory:
    """Stores the directory and returns it as stored; the name must be free."""
    row = connection.execute(
        directory.insert()
        .values(
            name=new.name,
            kind=new.kind,
            urls=list(new.urls),
            starttls=new.starttls,
            base=new.base,
            bind_dn=new.bind_dn,
            bind_password_sealed=keyring.seal(password.reveal().encode(), _purpose(new.name)),
            ca_pem=new.ca_pem,
        )
        .returning(directory)
    ).one()
    return _directory(row)


def every(connection: Connection) -> list[Directory]:
    return [_directory(row) for row in connection.execute(directory.select().order_by(directory.c.name))]


def by_name(connection: Connection, name: str) -> Directory | None:
    row = connection.execute(directory.select().where(directory.c.name == name)).one_or_none()
    return _directory(row) if row else None


def password(connection: Connection, keyring: Keyring, name: str) -> Secret:
    """The service account's password of a directory that exists."""
    query = directory.select().with_only_columns(directory.c.bind_password_sealed).where(directory.c.name == name)
    return _open(keyring, name, connection.execute(query).scalar_one())


def access(connection: Connection, keyring: Keyring) -> list[DirectoryAccess]:
    """Every directory with its opened password and its filters, by name: what templates render."""
    from rupost_core.directory import schema

    found = []
    for row in connection.execute(directory.select().order_by(directory.c.name)):
        one, kind = _directory(row), schema.load(row.kind).access
        found.append(
            DirectoryAccess(
                name=one.name,
                kind=one.kind,
                urls=one.urls,
                starttls=one.starttls,
                base=one.base,
                bind_dn=one.bind_dn,
                bind_password=_open(keyring, one.name, row.bind_password_sealed),
                ca_pem=one.ca_pem,
                login_attribute=kind.login_attribute,
                key_attribute=kind.key_attribute,
                people_filter=kind.people_filter,
                active_filter=kind.active_filter,
            )
        )
    return found


def _purpose(name: str) -> str:
    return f"directory:{name}"


def _open(keyring: Keyring, name: str, sealed: bytes) -> Secret:
    return Secret(keyring.open(bytes(sealed), _purpose(name)).decode())


def _directory(row: Row[tuple[object, ...]]) -> Directory:
    return Directory(
        row.name, row.kind, tuple(row.urls), row.starttls, row.base, row.bind_dn, row.ca_pem, row.created_at
    )
