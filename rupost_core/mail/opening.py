"""Opening a mailbox: the person is found in the directory, the addresses are claimed, the directory is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from rupost_core.access.desk import OfficeDesk
from rupost_core.database.reader import cursor_of
from rupost_core.directory.ldap import DirectoryConnection
from rupost_core.directory.model import Entry
from rupost_core.directory.service import open_directory, require
from rupost_core.directory.write_back import plan_proxy_addresses
from rupost_core.errors import AlreadyExists, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.mail import model, reading, store
from rupost_core.mail.model import Address, Created, Mailbox
from rupost_core.operation import Work


@dataclass(frozen=True)
class Wanted:
    """What was asked for. `domain` and `address` may be "": the only domain, and LOGIN@DOMAIN."""

    login: str
    directory: str
    domain: str
    address: str
    aliases: tuple[str, ...]
    quota_bytes: int


def open_mailbox(desk: OfficeDesk, work: Work, wanted: Wanted) -> Created:
    """In the transaction of `work`; the directory is written last, so that nothing is stored when it refuses."""
    connection = work.connection
    served = [one.name for one in reading.every_domain(cursor_of(connection))]
    source = require(connection, wanted.directory)
    with open_directory(desk, connection, source) as opened:
        entry = opened.find(wanted.login)
        own, others = _addresses(entry.login, served, wanted.domain, wanted.address, wanted.aliases)
        work.record(f"mailbox:{own}")
        _refuse_person(connection, source.name, entry)
        everything = [str(one) for one in (own, *others)]
        _refuse_taken(connection, everything)
        _refuse_held(opened, entry, everything)
        new = Mailbox(
            address=str(own),
            domain=own.domain,
            directory=source.name,
            entry_key=entry.key,
            login=entry.login,
            display_name=entry.display_name,
            home=own.home,
            quota_bytes=wanted.quota_bytes,
            active=True,
            created_at=datetime.now(UTC),
            aliases=tuple(map(str, others)),
        )
        stored = _store(connection, new)
        return _write_back(work, opened, entry, stored, served)


def _addresses(
    login: str, served: Sequence[str], domain: str, address: str, aliases: Sequence[str]
) -> tuple[Address, list[Address]]:
    """The mailbox's own address and its aliases, each in a domain that RuPost serves."""
    own = model.parse_address(address) if address else None
    wanted_domain = model.parse_domain(domain) if domain else ""
    if own is not None and wanted_domain and own.domain != wanted_domain:
        raise InputError(
            _("“{address}” is not in the domain “{domain}”.", address=own, domain=wanted_domain),
            hint=_("Leave out --domain when --address is given."),
        )
    if own is None:
        own = model.make_address(login, wanted_domain or _only_domain(served))
    others = [one for one in dict.fromkeys(map(model.parse_address, aliases)) if one != own]
    for one in (own, *others):
        if one.domain not in served:
            raise NotFound(
                _("RuPost does not serve the domain “{domain}”.", domain=one.domain),
                hint=_("Add it first: rupost domain add {domain}", domain=one.domain),
            )
    return own, others


def _only_domain(served: Sequence[str]) -> str:
    if not served:
        raise NotFound(_("There is no mail domain yet."), hint=_("Add one first: rupost domain add company.ru"))
    if len(served) > 1:
        raise InputError(
            _("There are several mail domains: {names}.", names=", ".join(served)),
            hint=_("Say which one with --domain."),
        )
    return served[0]


def _refuse_person(connection: Connection, directory: str, entry: Entry) -> None:
    if entry.disabled:
        raise InputError(
            _("The account “{login}” is disabled in the directory.", login=entry.login),
            hint=_("Mailboxes are for active accounts only: enable it in the directory first."),
        )
    present = reading.by_person(cursor_of(connection), directory, entry.key)
    if present is not None:
        raise AlreadyExists(
            _("“{login}” has the mailbox “{address}” already.", login=entry.login, address=present.address),
            hint=_("See rupost mailbox show {address}", address=present.address),
        )


def _refuse_taken(connection: Connection, addresses: Sequence[str]) -> None:
    taken = reading.taken(cursor_of(connection), addresses)
    if taken:
        raise AlreadyExists(
            _("“{address}” belongs to the mailbox “{owner}”.", address=taken[0][0], owner=taken[0][1]),
            hint=_("Choose another one with --address or --alias."),
            details=[f"{address} → {owner}" for address, owner in taken[1:]],
        )


def _refuse_held(opened: DirectoryConnection, entry: Entry, addresses: Sequence[str]) -> None:
    """Two people with one address in the directory could not log in: programs find them by it."""
    holders = opened.other_holders(addresses, entry)
    if holders:
        raise AlreadyExists(
            _(
                "Somebody else has one of these addresses in the directory: {names}",
                names=", ".join(addresses),
            ),
            hint=_("Take it out of mail and proxyAddresses there, or choose another one with --address."),
            details=holders,
        )


def _store(connection: Connection, new: Mailbox) -> Mailbox:
    try:
        store.add_mailbox(connection, new)
    except IntegrityError as error:
        raise AlreadyExists(
            _("“{address}” was given to somebody else at this moment.", address=new.address),
            hint=_("Nothing was changed. Try again to see by whom."),
        ) from error
    stored = reading.by_address(cursor_of(connection), new.address)
    assert stored is not None  # noqa: S101 - written three lines above, in this transaction
    return stored


def _write_back(
    work: Work, opened: DirectoryConnection, entry: Entry, stored: Mailbox, served: Sequence[str]
) -> Created:
    plan = plan_proxy_addresses(entry.proxy_addresses, stored.address, stored.aliases, served)
    opened.write_mail(entry, stored.address, plan.values)
    work.record(
        f"mailbox:{stored.address}",
        before={"dn": entry.dn, "mail": list(entry.mail), "proxyAddresses": list(entry.proxy_addresses)},
        after={
            "directory": stored.directory,
            "login": stored.login,
            "entry_key": stored.entry_key,
            "aliases": list(stored.aliases),
            "quota_bytes": stored.quota_bytes,
            "mail": [stored.address],
            "proxyAddresses": list(plan.values),
        },
    )
    return Created(stored, plan.dropped)
