"""Made-up values and surroundings for trying a template out without a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rupost_core.configuration import patterns
from rupost_core.configuration.model import NodeFacts, Surroundings
from rupost_core.configuration.parameters import Values, read
from rupost_core.configuration.schema import Parameter, TemplateSpec
from rupost_core.directory.model import DirectoryAccess
from rupost_core.secret import Secret
from rupost_core.settings import DatabaseSettings

_PEM = "-----BEGIN {0}-----\nc2FtcGxlIG9mIHRoZSB0ZW1wbGF0ZSBsaW50\n-----END {0}-----\n"
# Each stands in a rendered file only where its secret was put; none needs quoting in any language.
SECRETS = {
    "database.password": "Zq8databasepasswordZq8",
    "bind_password": "Zq8bindpasswordZq8",
    "certificate_key": _PEM.format("PRIVATE KEY").replace("c2FtcGxl", "Wnd4a2V5"),
}
PARAMETER_SECRET = "Zq8parameterZq8"  # noqa: S105 - made up

_DIRECTORY = DirectoryAccess(
    name="demo",
    kind="freeipa",
    urls=("ldaps://dir1.demo.local:636",),
    starttls=False,
    base="cn=users,cn=accounts,dc=demo,dc=local",
    bind_dn="uid=rupost,cn=sysaccounts,cn=etc,dc=demo,dc=local",
    bind_password=Secret(SECRETS["bind_password"]),
    ca_pem=_PEM.format("CERTIFICATE"),
    login_attribute="uid",
    key_attribute="ipaUniqueID",
    people_filter="(objectClass=person)",
    active_filter="(&(objectClass=person)(!(nsAccountLock=TRUE)))",
)
BARE = Surroundings(
    live_root="/var/lib/rupost/configuration/live",
    node=NodeFacts("node1", "10.0.0.1"),
    nodes=(NodeFacts("node1", "10.0.0.1"),),
    database=DatabaseSettings((("127.0.0.1", 5432),), "rupost", Secret(SECRETS["database.password"])),
    directories=(),
    domains=(),
    certificate_chain=_PEM.format("CERTIFICATE"),
    certificate_key=Secret(SECRETS["certificate_key"]),
    dhparam=_PEM.format("DH PARAMETERS"),
)
FULL = replace(
    BARE,
    nodes=(NodeFacts("node1", "10.0.0.1"), NodeFacts("node2", "10.0.0.2")),
    directories=(
        _DIRECTORY,
        replace(_DIRECTORY, name="company-ad", kind="active_directory", starttls=True, ca_pem="",
                urls=("ldap://a.company.ru:389", "ldap://b.company.ru:389"), base="OU=Люди,DC=company,DC=ru"),
    ),
    domains=("demo.local", "example.ru"),
)  # fmt: skip

_MOST_TURNS = 8
_TEXTS = {
    "string": "sample",
    "text": "# sample",
    "hostname": "mail.example.ru",
    "endpoint": "192.0.2.10:1234",
    "network": "192.0.2.0/24",
    "path": "/srv/sample",
    "milter": "custom unix:/run/sample/sample.sock",
    "time_zone": "Europe/Moscow",
}


def sample(name: str, parameter: Parameter) -> object:
    """A value of the parameter's type, in the form in which it is given; None when none can be made up."""
    if parameter.default not in (None, []):
        return parameter.default
    value: object
    match parameter.type:
        case "boolean":
            value = True
        case "choice":
            value = (parameter.choices or [""])[-1]
        case "integer" | "size" | "duration":
            value = parameter.minimum if parameter.minimum is not None else parameter.maximum or 1
        case "secret":
            value = PARAMETER_SECRET + name.replace("_", "")
        case kind:
            value = _TEXTS[kind]
    if parameter.pattern is not None and not patterns.compiled(parameter.pattern).matches(str(value)):
        value = patterns.compiled(parameter.pattern).example()
    return [value] if parameter.many and value is not None else value


def cases(spec: TemplateSpec) -> Iterator[tuple[Values, Surroundings]]:
    """What a template is tried with: as little as it may be given, everything it may be given, and every choice."""
    full, bare = _values(spec, everything=True), _values(spec, everything=False)
    yield bare, BARE
    yield full, FULL
    most = max((len(p.choices or []) for p in spec.parameters.values()), default=0)
    switches = any(p.type == "boolean" for p in spec.parameters.values())
    for turn in range(min(_MOST_TURNS, max(most, 2 if switches else 0))):
        values = dict(full)
        for name, parameter in spec.parameters.items():
            if parameter.choices:
                choice: str | tuple[str, ...] = parameter.choices[turn % len(parameter.choices)]
                values[name] = (choice,) if parameter.many and isinstance(choice, str) else choice
            elif parameter.type == "boolean" and not parameter.many:
                values[name] = turn % 2 == 0
        yield values, FULL


def without_sample(spec: TemplateSpec) -> list[str]:
    """Parameters that must be given and for which no value can be made up."""
    return [name for name, one in spec.parameters.items() if one.required and not one.many and not _given(name, one)]


def _given(name: str, parameter: Parameter) -> bool:
    try:
        return read(parameter, sample(name, parameter)) is not None
    except ValueError:
        return False


def _values(spec: TemplateSpec, *, everything: bool) -> Values:
    values: Values = {}
    for name, parameter in spec.parameters.items():
        needed = everything or (parameter.required and parameter.default is None and not parameter.many)
        raw = sample(name, parameter) if needed else parameter.default
        try:
            values[name] = read(parameter, raw)
        except ValueError:
            values[name] = () if parameter.many else None
    return values
