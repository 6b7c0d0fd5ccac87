"""The names of LDAP: server addresses, distinguished names, and values inside filters. Pure.

Sources: RFC 4514 (DN), RFC 4515 (filters), RFC 4516 (URLs).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from rupost_core.errors import InputError
from rupost_core.i18n import translate as _

_PORTS = {"ldap": 389, "ldaps": 636}
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Url:
    """An LDAP server: `host` is a name or an address without brackets."""

    scheme: Literal["ldap", "ldaps"]
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


def check_directory_name(name: str) -> str:
    """A directory's name: it also names files in the daemons' configuration."""
    if not _NAME.fullmatch(name):
        raise InputError(
            _("“{name}” cannot be a directory's name.", name=name),
            hint=_("Use Latin letters, digits, “_” and “-”, at most 63 of them."),
        )
    return name


def parse_url(text: str) -> Url:
    """`ldap://host[:port]` or `ldaps://host[:port]`, nothing behind it; raises InputError."""
    hint = _("Write it like ldaps://dc1.company.ru or ldap://10.0.0.5:389.")
    problem = _("“{url}” is not the address of an LDAP server.", url=text)
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(problem, hint=hint) from error
    scheme = parts.scheme.lower()
    # urlsplit drops tabs and line breaks silently: what it leaves out must not count as valid.
    clean = not re.search(r"[\s\x00-\x1f\x7f]", text.strip())
    nothing_else = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.password)
    if scheme not in ("ldap", "ldaps") or not (clean and nothing_else and _is_host(host)) or port == 0:
        raise InputError(problem, hint=hint)
    return Url("ldaps" if scheme == "ldaps" else "ldap", host, port or _PORTS[scheme])


def parse_urls(texts: Sequence[str], *, starttls: bool) -> tuple[Url, ...]:
    """Servers of one directory, in order of preference; raises InputError."""
    urls = tuple(dict.fromkeys(parse_url(text) for text in texts))
    if not urls:
        raise InputError(
            _("A directory needs at least one --url."), hint=_("For example --url ldaps://dc1.company.ru")
        )
    if len({url.scheme for url in urls}) > 1:
        raise InputError(
            _("The servers of one directory must be all ldap:// or all ldaps://."),
            hint=_("Mail programs cannot mix them: give every server the same scheme."),
        )
    if starttls and urls[0].scheme == "ldaps":
        raise InputError(
            _("--starttls is for ldap://; ldaps:// is encrypted from the start."),
            hint=_("Leave out --starttls."),
        )
    return urls


def check_dn(text: str, option: str) -> str:
    """A distinguished name such as `dc=company,dc=ru`; raises InputError naming the option."""
    rdns = split_dn(text.strip())
    named = all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+", r.partition("=")[0].strip()) for r in rdns)
    if not rdns or not named or not all("=" in r for r in rdns) or _has_controls(text):
        raise InputError(
            _("{option}: “{given}” is not a distinguished name.", option=option, given=text),
            hint=_("Write it like dc=company,dc=ru"),
        )
    return text.strip()


def check_bind_name(text: str, *, dn_only: bool) -> str:
    """The service account: a DN; Active Directory also takes user@domain and DOMAIN\\user."""
    name = text.strip()
    if not dn_only and name and "=" not in name and not _has_controls(name):
        return name
    return check_dn(name, "--bind-dn")


def split_dn(dn: str) -> list[str]:
    """The RDNs of a DN, the leaf first, escapes left as they are (RFC 4514)."""
    rdns = re.split(r"(?<!\\),", re.sub(r"\\\\", "\\\\5c", dn)) if dn.strip() else []
    return [rdn.strip() for rdn in rdns]


def is_below(dn: str, containers: Sequence[str]) -> bool:
    """Whether an entry lies in (or is) one of the containers, which are relative DNs such as `cn=compat`."""
    rdns = [_folded(rdn) for rdn in split_dn(dn)]
    wanted = [[_folded(rdn) for rdn in split_dn(container)] for container in containers]
    return any(rdns[i : i + len(part)] == part for part in wanted for i in range(len(rdns) - len(part) + 1))


def escape_filter(value: str) -> str:
    """A value inside an LDAP filter: the one function for that border (RFC 4515).

    Every byte but letters, digits and a few harmless signs is written as `\\xx`, so that no character can be
    special for any server or library.
    """
    safe = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._-")
    return "".join(chr(byte) if byte in safe else f"\\{byte:02x}" for byte in value.encode())


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return len(host) <= 253 and ".." not in host and _HOST.fullmatch(host) is not None
    return True


def _has_controls(text: str) -> bool:
    return any(ord(character) < 32 or ord(character) == 127 for character in text)


def _folded(rdn: str) -> str:
    attribute, _equals, value = rdn.partition("=")
    return f"{attribute.strip()}={value.strip()}".lower()
