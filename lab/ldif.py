"""The content of dir1: a tree in the shape of FreeIPA's, as LDIF for slapadd."""

import base64
import hashlib
from collections.abc import Iterable

from lab.people import PEOPLE, Person

SUFFIX = "dc=demo,dc=local"
ACCOUNTS = f"cn=accounts,{SUFFIX}"
USERS = f"cn=users,{ACCOUNTS}"
SERVICE_DN = f"uid=rupost,cn=sysaccounts,cn=etc,{SUFFIX}"
SERVICE_PASSWORD = 'sv"c $ecr#t%1'

_Attributes = Iterable[tuple[str, str]]


def text() -> str:
    """The whole tree."""
    entries = [_entry(SUFFIX, [("objectClass", "domain"), ("dc", "demo")])]
    for dn in (
        ACCOUNTS,
        USERS,
        f"cn=groups,{ACCOUNTS}",
        f"cn=etc,{SUFFIX}",
        f"cn=sysaccounts,cn=etc,{SUFFIX}",
    ):
        entries.append(_entry(dn, [("objectClass", "nsContainer"), ("cn", dn.split(",")[0][3:])]))
    service = [("objectClass", "account"), ("objectClass", "simpleSecurityObject"), ("uid", "rupost")]
    entries.append(_entry(SERVICE_DN, [*service, ("userPassword", _hashed(SERVICE_PASSWORD))]))
    entries += [_entry(person_dn(person), _person(person)) for person in PEOPLE]
    entries.append(_group("ipausers", PEOPLE))
    entries.append(_group("it", [person for person in PEOPLE if person.department == "ИТ"]))
    return "\n".join(entries)


def person_dn(person: Person) -> str:
    """The person's entry."""
    return f"uid={person.login},{USERS}"


def _person(person: Person) -> _Attributes:
    classes = ("top", "person", "organizationalPerson", "inetOrgPerson", "ipaObject", "ruPostMailAccount")
    yield from (("objectClass", name) for name in classes)
    yield "uid", person.login
    yield "cn", person.name
    yield "displayName", person.name
    yield "sn", person.surname
    yield "givenName", person.given
    yield "title", person.title
    yield "ou", person.department
    yield "l", person.city
    yield "mobile", f"+7 900 000-00-{person.number:02d}"
    yield "telephoneNumber", f"+7 495 000-10-{person.number:02d}"
    yield "employeeNumber", f"{1000 + person.number}"
    yield "ipaUniqueID", person.unique_id
    yield "userPassword", _hashed(person.password)
    if person.mail:
        yield "mail", person.mail
        yield "proxyAddresses", f"SMTP:{person.mail}"
    if person.locked:
        yield "nsAccountLock", "TRUE"


def _group(name: str, members: Iterable[Person]) -> str:
    attributes = [("objectClass", "groupOfNames"), ("cn", name)]
    return _entry(f"cn={name},cn=groups,{ACCOUNTS}", [*attributes, *(("member", person_dn(who)) for who in members)])


def _entry(name: str, attributes: _Attributes) -> str:
    """One entry; every value in base64, so that none needs a second thought."""
    pairs = [("dn", name), *attributes]
    return "".join(f"{key}:: {base64.b64encode(value.encode()).decode()}\n" for key, value in pairs)


def _hashed(password: str) -> str:
    """Salted SHA-1, the scheme that slapd knows without a module. The salt is fixed: nothing to protect."""
    salt = b"rupostlb"
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()
