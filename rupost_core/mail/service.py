"""Operations on domains and mailboxes.

Listing must start at once: what only creating needs (SQLAlchemy, LDAP) is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rupost_core.access.desk import OfficeDesk
from rupost_core.errors import AlreadyExists, NotFound
from rupost_core.i18n import translate as _
from rupost_core.mail import model, reading
from rupost_core.mail.model import Created, Domain, Mailbox
from rupost_core.operation import Role, Service, Work, operation, query

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


class MailService(Service):
    desk: OfficeDesk

    @operation("domain.add", Role.ADMINISTRATOR)
    def add_domain(self, work: Work, name: str) -> Domain:
        """Adds a mail domain; an international name is stored as A-labels."""
        from rupost_core.mail import store

        checked = model.parse_domain(name)
        work.record(f"domain:{checked}", after={"name": checked})
        added = store.add_domain(work.connection, checked)
        if added is None:
            raise AlreadyExists(
                _("There is a domain “{name}” already.", name=checked), hint=_("See rupost domain list")
            )
        return added

    @query("domain.list", Role.VIEWER)
    def domains(self, cursor: Cursor) -> list[Domain]:
        """Lists the mail domains by name."""
        return reading.every_domain(cursor)

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
        from rupost_core.mail.opening import Wanted, open_mailbox

        work.record(f"mailbox:{login}")
        wanted = Wanted(login, directory, domain, address, tuple(aliases), model.parse_quota(quota))
        return open_mailbox(self.desk, work, wanted)

    @query("mailbox.list", Role.VIEWER)
    def mailboxes(self, cursor: Cursor, *, domain: str = "", search: str = "", limit: int = 1000) -> list[Mailbox]:
        """Lists mailboxes by address, at most `limit` of them."""
        in_domain = model.parse_domain(domain) if domain else ""
        return reading.search(cursor, in_domain=in_domain, text=search.strip(), limit=limit)

    @query("mailbox.show", Role.VIEWER)
    def mailbox(self, cursor: Cursor, address: str) -> Mailbox:
        """Shows the mailbox that mail for an address or an alias goes to."""
        wanted = str(model.parse_address(address))
        found = reading.by_address(cursor, wanted)
        if found is None:
            raise NotFound(
                _("There is no mailbox “{address}”.", address=wanted),
                hint=_("Look for it: rupost mailbox list --search {part}", part=wanted.partition("@")[0]),
            )
        return found
