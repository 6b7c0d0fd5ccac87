"""Directories and their people as values: what is stored, what is read, and the filters that find it.

Sources: RFC 4511 (LDAP), [MS-ADTS] (Active Directory), manual 2.4 and appendix 1.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rupost_core.directory.names import escape_filter, parse_url
from rupost_core.errors import DirectoryRights
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

Kind = Literal["active_directory", "freeipa", "ald_pro"]
KINDS: tuple[Kind, ...] = ("active_directory", "freeipa", "ald_pro")
# [MS-ADTS] 3.1.1.3.4.4.1, LDAP_MATCHING_RULE_BIT_AND
_BIT_AND = "1.2.840.113556.1.4.803"


@dataclass(frozen=True)
class Disabled:
    """When an account is disabled: a bit of a numeric attribute, or a value of a text one, in any case."""

    attribute: str
    bit: int = 0
    equals: str = ""

    @property
    def filter(self) -> str:
        """The LDAP filter that disabled accounts match."""
        if self.bit:
            return f"({self.attribute}:{_BIT_AND}:={self.bit})"
        return f"({self.attribute}={escape_filter(self.equals)})"

    def applies(self, values: Sequence[str]) -> bool:
        if not self.bit:
            return any(value.casefold() == self.equals.casefold() for value in values)
        try:
            return any(int(value) & self.bit for value in values)
        except ValueError:
            return True  # a broken flag must not open an account

    def is_missing(self, values: Sequence[str]) -> bool:
        """Whether the flags cannot be read: every AD account has them."""
        return self.bit != 0 and not values


@dataclass(frozen=True)
class Schema:
    """What finding a kind's people needs. `skip` are containers below the base whose entries are nobody's.

    `account_class` is the object class that a person must have before mail can be written, or "".
    """

    kind: Kind
    key_attribute: str
    key_form: Literal["guid", "text"]
    login_attribute: str
    people_filter: str
    disabled: Disabled
    account_class: str
    skip: tuple[str, ...]

    @property
    def active_filter(self) -> str:
        """The filter that enabled people alone match."""
        return f"(&{self.people_filter}(!{self.disabled.filter}))"

    @property
    def attributes(self) -> tuple[str, ...]:
        """What is read of an entry."""
        wanted = (self.key_attribute, self.login_attribute, "cn", "mail", "proxyAddresses", "objectClass")
        return (*wanted, self.disabled.attribute)


@dataclass(frozen=True)
class Directory:
    """A connected directory, without its password. `ca_pem` is "" when the system's CAs vouch for it."""

    name: str
    kind: Kind
    urls: tuple[str, ...]
    starttls: bool
    base: str
    bind_dn: str
    ca_pem: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class DirectoryAccess:
    """All that a program needs to look people up: for templates. Filters are LDAP filter texts (RFC 4515)."""

    name: str
    kind: Kind
    urls: tuple[str, ...]
    starttls: bool
    base: str
    bind_dn: str
    bind_password: Secret
    ca_pem: str
    login_attribute: str
    key_attribute: str
    people_filter: str
    active_filter: str


@dataclass(frozen=True)
class Entry:
    """A person in a directory. `key` never changes, whatever is renamed: a GUID as text, or ipaUniqueID."""

    dn: str
    key: str
    login: str
    display_name: str
    mail: tuple[str, ...]
    proxy_addresses: tuple[str, ...]
    object_classes: tuple[str, ...]
    disabled: bool


def read_entry(dn: str, raw: Mapping[str, Sequence[bytes] | None], schema: Schema) -> Entry:
    """An entry from raw attributes, whose names may come in any case.

    Raises DirectoryRights when the key or the login is not among them: the service account cannot read it.
    """
    by_name = {name.lower(): [bytes(value) for value in values or ()] for name, values in raw.items()}

    def texts(attribute: str) -> tuple[str, ...]:
        return tuple(_readable(value) for value in by_name.get(attribute.lower(), ()))

    keys, logins = by_name.get(schema.key_attribute.lower()), texts(schema.login_attribute)
    flags = texts(schema.disabled.attribute)
    if not keys or not logins or schema.disabled.is_missing(flags):
        missing = schema.login_attribute if not logins else schema.disabled.attribute
        missing = schema.key_attribute if not keys else missing
        raise DirectoryRights(
            _("The service account cannot read {attribute} of {dn}.", attribute=missing, dn=dn),
            hint=_("Give it the rights of appendix 1 of the manual."),
        )
    return Entry(
        dn=dn,
        key=_key(keys[0], schema),
        login=logins[0],
        display_name=next(iter(texts("cn")), ""),
        mail=texts("mail"),
        proxy_addresses=texts("proxyAddresses"),
        object_classes=texts("objectClass"),
        disabled=schema.disabled.applies(flags),
    )


def _key(value: bytes, schema: Schema) -> str:
    if schema.key_form == "text":
        return _readable(value)
    if len(value) != 16:
        raise DirectoryRights(
            _("{attribute} is not a GUID of 16 bytes.", attribute=schema.key_attribute),
            hint=_("Check --kind: is this an Active Directory?"),
        )
    return str(uuid.UUID(bytes_le=value))  # [MS-DTYP] 2.3.4.2


def _readable(value: bytes) -> str:
    """Foreign text; NUL is dropped, PostgreSQL cannot hold it."""
    return value.decode("utf-8", errors="replace").replace("\x00", "")


def person_filter(schema: Schema, login: str) -> str:
    """The filter that finds a person, disabled or not, by login."""
    return f"(&{schema.people_filter}({schema.login_attribute}={escape_filter(login)}))"


def address_filter(schema: Schema, addresses: Sequence[str]) -> str:
    """The filter that finds people who have one of the addresses, in `mail` or in `proxyAddresses`."""
    terms = "".join(
        f"(mail={escape_filter(address)})(proxyAddresses={escape_filter('smtp:' + address)})" for address in addresses
    )
    return f"(&{schema.people_filter}(|{terms}))"


def sends_password_openly(directory: Directory) -> bool:
    """Whether people's passwords would cross the network unencrypted."""
    urls = [parse_url(text) for text in directory.urls]
    return not directory.starttls and any(url.scheme == "ldap" and not url.is_loopback for url in urls)
