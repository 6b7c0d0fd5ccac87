"""Operations on domains and mailboxes.

Listing must start at once: what only creating needs (LDAP, schemas) is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from rupost_core.access.desk import OfficeDesk
from rupost_core.errors import AlreadyExists, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.mail import model, store
from rupost_core.mail.model import Address, Created, Domain, Mailbox
from rupost_core.operation import Role, Service, Work, operation

if TYPE_CHECKING:
    from rupost_core.directory.ldap import DirectoryConnection
    from rupost_core.directory.model import Entry


class MailService(Service):
    desk: OfficeDesk

    @operation("domain.add", Role.ADMINISTRATOR)
    def add_domain(self, work: Work, name: str) -> Domain:
        """Adds a mail domain; an international name is stored as A-labels."""
        checked = model.parse_domain(name)
        work.record(f"domain:{checked}", after={"name": checked})
        added = store.add_domain(work.connection, checked)
        if added is None:
            raise AlreadyExists(
                _("There is a domain “{name}” already.", name=checked), hint=_("See rupost domain list")
            )
        return added

    @operation("domain.list", Role.VIEWER, reads=True)
    def domains(self, work: Work) -> list[Domain]:
        """Lists the mail domains by name."""
        return store.every_domain(work.connection)

    @operation("mailbox.create", Role.OPERATOR)
    def create_mailbox(
        self,
        work: Work,
        login: str,
        directory: str,
        *,
        domain: str = "",
        address: str = "",
        aliases: Sequence[str] = (),
        quota: str = model.DEFAULT_QUOTA,
    ) -> Created:
        """Opens a mailbox for a person of a directory and writes its addresses back there.

        Nothing is stored when the directory refuses. The mail folder itself is made at the first delivery.
        """
        from rupost_core.directory.service import open_directory, require

        work.record(f"mailbox:{login}")
        connection = work.connection
        quota_bytes = model.parse_quota(quota)
        served = [one.name for one in store.every_domain(connection)]
        source = require(connection, directory)
        with open_directory(self.desk, connection, source) as opened:
            entry = opened.find(login)
            own, others = _addresses(entry.login, served, domain, address, aliases)
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
                quota_bytes=quota_bytes,
                active=True,
                created_at=datetime.now(UTC),
                aliases=tuple(map(str, others)),
            )
            stored = _store(connection, new)
            return _write_back(work, opened, entry, stored, served)

    @operation("mailbox.list", Role.VIEWER, reads=True)
    def mailboxes(self, work: Work, *, domain: str = "", search: str = "", limit: int = 1000) -> list[Mailbox]:
        """Lists mailboxes by address, at most `limit` of them."""
        in_domain = model.parse_domain(domain) if domain else ""
        return store.search(work.connection, in_domain=in_domain, text=search.strip(), limit=limit)

    @operation("mailbox.show", Role.VIEWER, reads=True)
    def mailbox(self, work: Work, address: str) -> Mailbox:
        """Shows the mailbox that mail for an address or an alias goes to."""
        wanted = str(model.parse_address(address))
        found = store.by_address(work.connection, wanted)
        if found is None:
            raise NotFound(
                _("There is no mailbox “{address}”.", address=wanted),
                hint=_("Look for it: rupost mailbox list --search {part}", part=wanted.partition("@")[0]),
            )
        return found


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
    present = store.by_person(connection, directory, entry.key)
    if present is not None:
        raise AlreadyExists(
            _("“{login}” has the mailbox “{address}” already.", login=entry.login, address=present.address),
            hint=_("See rupost mailbox show {address}", address=present.address),
        )


def _refuse_taken(connection: Connection, addresses: Sequence[str]) -> None:
    taken = store.taken(connection, addresses)
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
        return store.add_mailbox(connection, new)
    except IntegrityError as error:
        raise AlreadyExists(
            _("“{address}” was given to somebody else at this moment.", address=new.address),
            hint=_("Nothing was changed. Try again to see by whom."),
        ) from error


def _write_back(
    work: Work, opened: DirectoryConnection, entry: Entry, stored: Mailbox, served: Sequence[str]
) -> Created:
    from rupost_core.directory.write_back import plan_proxy_addresses

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
