"""Domains, addresses and mailboxes as values.

Sources: RFC 5321 4.5.3.1 (lengths of addresses), RFC 1035 2.3.4 and RFC 5891 (domain names), manual 2.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from rupost_core.errors import InputError
from rupost_core.i18n import translate as _
from rupost_core.quantity import parse_size

MAIL_STORAGE = "/srv/rupost/MailStorage"
DEFAULT_QUOTA = "5G"
LEAST_QUOTA = 2**16
_MAX_LOCAL, _MAX_ADDRESS, _MAX_DOMAIN = 64, 254, 253
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Narrower than RFC 5321's atoms: `+` divides sub-addresses, and the local part names a folder on the disk.
_LOCAL = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?")


@dataclass(frozen=True)
class Domain:
    """A mail domain. `name` is in lower case, an international one as A-labels (`xn--…`)."""

    name: str
    created_at: datetime


@dataclass(frozen=True)
class Mailbox:
    """A person's mailbox. `entry_key` is the person's unchanging key in the directory.

    `quota_bytes` 0 means no limit. `home` is a path on the mail storage.
    """

    address: str
    domain: str
    directory: str
    entry_key: str
    login: str
    display_name: str
    home: str
    quota_bytes: int
    active: bool
    created_at: datetime
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Created:
    """A new mailbox, and the addresses that were taken out of the person's proxyAddresses for it."""

    mailbox: Mailbox
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class Address:
    """A checked mail address in lower case."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def home(self) -> str:
        """Where the mail lies: `_LOCAL` and the labels of a domain hold no `/`, and are never `.` or `..`."""
        return f"{MAIL_STORAGE}/{self.domain}/{self.local}"


def parse_domain(text: str) -> str:
    """A domain's name in lower case, an international one as A-labels; raises InputError."""
    name = text.strip().removesuffix(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii").lower()
        except UnicodeError as error:
            raise _bad_domain(text) from error
    labels = name.split(".")
    right = len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    if not right or len(name) > _MAX_DOMAIN or labels[-1].isdigit():
        raise _bad_domain(text)
    return name


def shown_domain(name: str) -> str:
    """A domain's name as people read it: A-labels become letters again."""
    if "xn--" not in name:
        return name
    try:
        return name.encode("ascii").decode("idna")
    except UnicodeError:
        return name


def parse_address(text: str) -> Address:
    """`local@domain` in any case; raises InputError."""
    local, at, domain = text.strip().rpartition("@")
    if not at:
        raise InputError(
            _("“{address}” is not a mail address.", address=text), hint=_("Write it like ivanov@company.ru")
        )
    return make_address(local, parse_domain(domain))


def make_address(local: str, domain: str) -> Address:
    """An address in a checked domain; raises InputError when the local part cannot be one."""
    address = Address(local.strip().lower(), domain)
    if len(address.local) > _MAX_LOCAL or len(str(address)) > _MAX_ADDRESS:
        raise InputError(
            _("“{address}” is too long.", address=address),
            hint=_("At most {local} characters before “@” and {all} in all.", local=_MAX_LOCAL, all=_MAX_ADDRESS),
        )
    if not _LOCAL.fullmatch(address.local) or ".." in address.local:
        raise InputError(
            _("“{address}” cannot be a mailbox's address.", address=address),
            hint=_("Before “@” use Latin letters, digits, “.”, “_” and “-”; or give it another: --address …"),
        )
    return address


def parse_quota(text: str) -> int:
    """A quota in bytes from `500M`, `5G` or `1T`; `0` is no limit. Raises InputError."""
    try:
        quota = parse_size(text)
    except ValueError as error:
        raise InputError(str(error), hint=_("Write it like 500M, 5G or 1T; 0 means no limit.")) from error
    if 0 < quota < LEAST_QUOTA:
        raise InputError(
            _("A quota of {quota} bytes holds no letter.", quota=quota),
            hint=_("Write it like 500M, 5G or 1T; 0 means no limit."),
        )
    return quota


def _bad_domain(text: str) -> InputError:
    return InputError(_("“{domain}” is not a domain's name.", domain=text), hint=_("Write it like company.ru"))
