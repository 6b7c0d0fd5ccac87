"""Operations on directories (manual 2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from rupost_core.access.desk import OfficeDesk
from rupost_core.directory import names, store
from rupost_core.directory.model import KINDS, Directory
from rupost_core.errors import AlreadyExists, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.secret import Secret

if TYPE_CHECKING:
    from rupost_core.directory.ldap import DirectoryConnection


class DirectoryService(Service):
    desk: OfficeDesk

    @operation("directory.add", Role.ADMINISTRATOR)
    def add(
        self,
        work: Work,
        name: str,
        kind: str,
        urls: Sequence[str],
        base: str,
        bind_dn: str,
        password: Secret,
        *,
        ca_pem: bytes = b"",
        starttls: bool = False,
    ) -> Directory:
        """Connects a directory after proving that its people can be read.

        `ca_pem` is empty when the system's own CAs vouch for the servers. Raises InputError, AlreadyExists or
        one of DirectoryError's family; nothing is stored then.
        """
        from rupost_core.directory import ldap, schema

        new = _check(name, kind, urls, base, bind_dn, starttls=starttls)
        work.record(f"directory:{new.name}")
        if ca_pem:
            new = replace(new, ca_pem=ldap.check_ca(ca_pem))
        if not password.reveal():
            raise InputError(
                _("The service account's password is empty."),
                hint=_("Give it with --bind-password-file or RUPOST_DIRECTORY_PASSWORD."),
            )
        if store.by_name(work.connection, new.name) is not None:
            raise AlreadyExists(
                _("There is a directory “{name}” already.", name=new.name),
                hint=_("See rupost directory list"),
            )
        with ldap.connect(new, password, schema.load(new.kind).access) as opened:
            opened.prove_readable()
        stored = store.add(work.connection, self.desk.keyring, new, password)
        work.record(f"directory:{stored.name}", after=_journaled(stored))
        return stored

    @operation("directory.list", Role.VIEWER, reads=True)
    def directories(self, work: Work) -> list[Directory]:
        """Lists the connected directories by name."""
        return store.every(work.connection)


def require(connection: Connection, name: str) -> Directory:
    """The directory of that name; raises NotFound naming those that there are."""
    found = store.by_name(connection, name)
    if found is None:
        present = ", ".join(directory.name for directory in store.every(connection))
        raise NotFound(
            _("There is no directory “{name}”.", name=name),
            hint=_("There are: {names}", names=present) if present else _("Connect one: rupost directory add …"),
        )
    return found


def open_directory(desk: OfficeDesk, connection: Connection, directory: Directory) -> DirectoryConnection:
    """A bound connection to a stored directory, for other services; the caller closes it."""
    from rupost_core.directory import ldap, schema

    password = store.password(connection, desk.keyring, directory.name)
    return ldap.connect(directory, password, schema.load(directory.kind).access)


def _check(name: str, kind: str, urls: Sequence[str], base: str, bind_dn: str, *, starttls: bool) -> Directory:
    known = next((one for one in KINDS if one == kind), None)
    if known is None:
        raise InputError(
            _("“{kind}” is not a kind of directory.", kind=kind),
            hint=_("Use one of: {kinds}", kinds=", ".join(KINDS)),
        )
    return Directory(
        name=names.check_directory_name(name),
        kind=known,
        urls=tuple(str(url) for url in names.parse_urls(urls, starttls=starttls)),
        starttls=starttls,
        base=names.check_dn(base, "--base"),
        bind_dn=names.check_bind_name(bind_dn, dn_only=known != "active_directory"),
        ca_pem="",
    )


def _journaled(directory: Directory) -> dict[str, object]:
    return {
        "kind": directory.kind,
        "urls": list(directory.urls),
        "starttls": directory.starttls,
        "base": directory.base,
        "bind_dn": directory.bind_dn,
        "own_ca": bool(directory.ca_pem),
    }
