"""What RuPost writes into a person's entry: `mail` and `proxyAddresses` (manual, appendix 1, 2.2). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rupost_core.directory.model import Entry, Schema


@dataclass(frozen=True)
class ProxyPlan:
    """The new values of proxyAddresses, and which mail addresses are taken out of it."""

    values: tuple[str, ...]
    dropped: tuple[str, ...]


def plan_proxy_addresses(
    current: Sequence[str], primary: str, aliases: Sequence[str], served_domains: Sequence[str]
) -> ProxyPlan:
    """What proxyAddresses must hold: `SMTP:` with the primary address, `smtp:` with each alias.

    Values of other kinds (`X500:`, `sip:` …) are kept as they are. Mail addresses in domains that RuPost does
    not serve stay as secondary ones: they are another system's. Those in served domains that are not asked
    for go. Addresses are compared without case, and a value that says the same already keeps its spelling:
    ALD Pro writes them in upper case.
    """
    wanted = {primary.lower(): f"SMTP:{primary}"}
    for alias in aliases:
        wanted.setdefault(alias.lower(), f"smtp:{alias}")
    served = {domain.lower() for domain in served_domains} | {primary.rpartition("@")[2].lower()}
    spelled = {value.lower(): value for value in current if value[:5] in ("SMTP:", "smtp:")}
    foreign: dict[str, str] = {}
    dropped: list[str] = []
    for value in current:
        kind, colon, address = value.partition(":")
        lowered = address.lower()
        if not colon or kind.lower() != "smtp":
            foreign.setdefault(value, value)
        elif lowered in wanted:
            continue
        elif lowered.rpartition("@")[2] in served:
            dropped.append(address)
        else:
            foreign.setdefault(f"smtp:{lowered}", value if kind == "smtp" else f"smtp:{address}")
    ours = [_keep_spelling(value, spelled) for value in wanted.values()]
    return ProxyPlan((*ours, *foreign.values()), tuple(dict.fromkeys(dropped)))


@dataclass(frozen=True)
class AttributeChange:
    """Values to take out and to put in, in one modification."""

    attribute: str
    delete: tuple[str, ...]
    add: tuple[str, ...]


def plan_write(entry: Entry, mail: str, proxy_addresses: Sequence[str], schema: Schema) -> list[AttributeChange]:
    """What writing a person's mail changes; an empty list when the entry says it already.

    Old values are taken out by value, not replaced, so that the server refuses the whole modification when
    somebody changed them in between.
    """
    changes: list[AttributeChange] = []
    if schema.account_class and schema.account_class.lower() not in map(str.lower, entry.object_classes):
        changes.append(AttributeChange("objectClass", (), (schema.account_class,)))
    other_mail = tuple(value for value in entry.mail if value.lower() != mail.lower())
    new_mail = () if len(other_mail) < len(entry.mail) else (mail,)
    if other_mail or new_mail:
        changes.append(AttributeChange("mail", other_mail, new_mail))
    delete = tuple(value for value in entry.proxy_addresses if value not in proxy_addresses)
    add = tuple(value for value in proxy_addresses if value not in entry.proxy_addresses)
    if delete or add:
        changes.append(AttributeChange("proxyAddresses", delete, add))
    return changes


def _keep_spelling(value: str, spelled: Mapping[str, str]) -> str:
    present = spelled.get(value.lower())
    return present if present is not None and present[:5] == value[:5] else value
