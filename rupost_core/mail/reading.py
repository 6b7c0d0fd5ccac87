"""Questions about domains, mailboxes and addresses, in plain SQL (database/reader.py says why)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rupost_core.database.reader import rows
from rupost_core.mail.model import Domain, Mailbox

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

_MAILBOXES = """
    SELECT m.address, m.domain, m.directory, m.entry_key, m.login, m.display_name, m.home, m.quota_bytes, m.active,
           m.created_at,
           ARRAY(SELECT a.address FROM address a
                 WHERE a.mailbox = m.address AND a.address <> m.address ORDER BY a.address) AS aliases
    FROM mailbox m
"""


def every_domain(cursor: Cursor) -> list[Domain]:
    return [Domain(**row) for row in rows(cursor, "SELECT name, created_at FROM domain ORDER BY name")]


def by_address(cursor: Cursor, wanted: str) -> Mailbox | None:
    """The mailbox that mail for the address goes to: found by its own address or by an alias."""
    where = " WHERE m.address = (SELECT mailbox FROM address WHERE address = %(wanted)s)"
    return _only(rows(cursor, _MAILBOXES + where, {"wanted": wanted}))


def by_person(cursor: Cursor, directory: str, entry_key: str) -> Mailbox | None:
    where = " WHERE m.directory = %(directory)s AND m.entry_key = %(key)s"
    return _only(rows(cursor, _MAILBOXES + where, {"directory": directory, "key": entry_key}))


def some_of_each_directory(cursor: Cursor, count: int) -> list[tuple[str, str, str]]:
    """(address, home, directory) of up to `count` active mailboxes of each directory."""
    sql = """
        SELECT address, home, directory FROM
            (SELECT address, home, directory, row_number() OVER (PARTITION BY directory ORDER BY address) AS place
             FROM mailbox WHERE active) AS numbered
        WHERE place <= %(count)s ORDER BY directory, address
    """
    return [(row["address"], row["home"], row["directory"]) for row in rows(cursor, sql, {"count": count})]


def taken(cursor: Cursor, wanted: Sequence[str]) -> list[tuple[str, str]]:
    """(address, the mailbox that has it) for those of the addresses that are not free."""
    sql = "SELECT address, mailbox FROM address WHERE address = ANY(%(wanted)s) ORDER BY address"
    return [(row["address"], row["mailbox"]) for row in rows(cursor, sql, {"wanted": list(wanted)})]


def search(cursor: Cursor, *, in_domain: str, text: str, limit: int) -> list[Mailbox]:
    """Mailboxes by address. `in_domain` and `text` may be "": every one. `text` is looked for in addresses,
    aliases, logins and names, without case."""
    where = """
        WHERE (%(domain)s = '' OR m.domain = %(domain)s)
          AND (%(text)s = '' OR m.login ILIKE %(like)s OR m.display_name ILIKE %(like)s
               OR EXISTS (SELECT 1 FROM address a WHERE a.mailbox = m.address AND a.address ILIKE %(like)s))
        ORDER BY m.address LIMIT %(limit)s
    """
    values = {"domain": in_domain, "text": text, "like": f"%{_literal(text)}%", "limit": limit}
    return [_mailbox(row) for row in rows(cursor, _MAILBOXES + where, values)]


def _literal(text: str) -> str:
    """Text inside a LIKE pattern, its wildcards taken as themselves."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _only(found: list[dict[str, Any]]) -> Mailbox | None:
    return _mailbox(found[0]) if found else None


def _mailbox(row: dict[str, Any]) -> Mailbox:
    return Mailbox(**(row | {"aliases": tuple(row["aliases"])}))
