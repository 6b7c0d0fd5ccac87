"""No value gets out of its place: rendered and read back, every file has the same structure and the same value.

Each hostile value goes through one field of the built-in template. Either it is refused, or every file that shows the
field, read by the readers of the daemons' languages, differs from the one with a harmless value in just that value.
The `…_extra` parameters are raw by design and are not here: the walls judge what stands in them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from psycopg2.extensions import parse_dsn

from rupost_core.components.languages import dovecot, haproxy, memcached, nginx, plist, postfix
from rupost_core.configuration import render as rendering
from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.model import NodeFacts, Surroundings
from rupost_core.configuration.parameters import Values, read, resolve
from rupost_core.errors import RupostError
from rupost_core.secret import Secret
from tests.golden.samples import SURROUNDINGS
from tests.unit.hostile import ATOMS, values

SEED = 3_000_006
COUNT = 100_000 if os.environ.get("RUPOST_SWEEP") else 3_000
TEMPLATE = builtin_templates()[0]
ENVIRONMENT = rendering.environment_for(TEMPLATE)
BASE = resolve(
    TEMPLATE.spec,
    {"mail_host": "mail.demo.local", "relay_host": "relay.example.ru:587", "relay_user": "u", "relay_password": "p"},
)
HERE = replace(SURROUNDINGS, nodes=(NodeFacts("node1", "10.77.0.1"), NodeFacts("node2", "10.77.0.2")))
PLAIN = re.compile(r"[\w./:+-]*", re.ASCII)  # what a typed value may consist of
MARK = "Harmless"  # a harmless value for free text


@dataclass(frozen=True)
class Field:
    """One field: how it is set, and a harmless value that stands nowhere else. `free`: any text may be a value."""

    put: Callable[[str], tuple[Values, Surroundings]]
    harmless: str = MARK
    free: bool = True


def parameter(name: str, harmless: str = MARK, *, free: bool = True) -> Field:
    def put(value: str) -> tuple[Values, Surroundings]:
        return BASE | {name: read(TEMPLATE.spec.parameters[name], value)}, HERE

    return Field(put, harmless, free)


def around(change: Callable[[str], dict[str, Any]], harmless: str = MARK) -> Field:
    return Field(lambda value: (BASE, replace(HERE, **change(value))), harmless)


def database(name: str) -> Field:
    def change(value: str) -> dict[str, Any]:
        given = Secret(value) if name == "password" else value
        return {"database": replace(HERE.database, **{name: given})}

    return around(change)


def directory(name: str, wrap: Callable[[str], Any] = str) -> Field:
    return around(lambda value: {"directories": (replace(HERE.directories[0], **{name: wrap(value)}),)})


FIELDS = {
    "organization": parameter("organization"),
    "relay_user": parameter("relay_user"),
    "relay_password": parameter("relay_password"),
    "mail_host": parameter("mail_host", "harmless.example.org", free=False),
    "relay_host": parameter("relay_host", "harmless.example.org:25", free=False),
    "memcached_server": parameter("memcached_server", "harmless.example.org:11211", free=False),
    "trusted_networks": parameter("trusted_networks", "10.9.8.0/24", free=False),
    "language": parameter("language", "English", free=False),
    "time_zone": parameter("time_zone", "Asia/Omsk", free=False),
    "tls_minimum": parameter("tls_minimum", "TLSv1.3", free=False),
    "message_size_limit": parameter("message_size_limit", "77777777", free=False),
    "client_affinity": parameter("client_affinity", "7777", free=False),
    "max_connections": parameter("max_connections", "7777", free=False),
    "imap_connections_per_client": parameter("imap_connections_per_client", "77", free=False),
    "sogo_workers": parameter("sogo_workers", "77", free=False),
    "memcached_memory": parameter("memcached_memory", "7777", free=False),
    "milters": parameter("milters", "custom inet:127.0.0.1:7", free=False),
    "gateway_before": parameter("gateway_before", "10.9.8.0/24", free=False),
    "gateway_only": parameter("gateway_only", "yes", free=False),
    "content_filter": parameter("content_filter", "harmless.example.org:25", free=False),
    "content_filter_networks": parameter("content_filter_networks", "10.9.8.0/24", free=False),
    "node.name": around(lambda v: {"node": NodeFacts(v, "10.77.0.1")}),
    "nodes.name": around(lambda v: {"nodes": (HERE.node, NodeFacts(v, "10.77.0.2"))}),
    "nodes.address": around(lambda v: {"nodes": (HERE.node, NodeFacts("node2", v))}),
    "database.host": around(lambda v: {"database": replace(HERE.database, hosts=((v, 5432),))}),
    "database.user": database("user"),
    "database.password": database("password"),
    "database.name": database("name"),
    "database.data_name": database("data_name"),
    "directory.name": directory("name"),
    "directory.url": directory("urls", lambda v: (v,)),
    "directory.base": directory("base"),
    "directory.bind_dn": directory("bind_dn"),
    "directory.bind_password": directory("bind_password", Secret),
    "directory.login_attribute": directory("login_attribute"),
    "directory.active_filter": directory("active_filter"),
    "directory.ca_pem": around(
        lambda v: {"directories": (replace(HERE.directories[0], ca_pem=v),)}, HERE.directories[0].ca_pem * 2
    ),
    "domains.first": around(lambda v: {"domains": (v, "example.ru")}),
    "domains.second": around(lambda v: {"domains": ("demo.local", v)}),
    "live_root": around(lambda v: {"live_root": v}),
    "certificate_chain": around(lambda v: {"certificate_chain": v}, HERE.certificate_chain * 2),
    "certificate_key": around(lambda v: {"certificate_key": Secret(v)}, HERE.certificate_key.reveal() * 2),
    "dhparam": around(lambda v: {"dhparam": v}, HERE.dhparam * 2),
}

Structure = list[tuple[str, object]]


def read_back(path: str, text: str) -> Structure:
    """A file as a list of (place, value), decoded as far as the daemon decodes it before it uses the value."""
    text.encode("utf-8")
    for pattern, reader in READERS:
        if re.fullmatch(pattern, path):
            return reader(text)
    raise AssertionError(f"no reader for {path}")


def _main(text: str) -> Structure:
    main = postfix.read_main(text)
    return [(s.name, main.value(s.name)) for s in main]


def _master(text: str) -> Structure:
    return [
        (f"{s.name} {s.type} {s.program} {o.name}", o.value) for s in postfix.read_master(text) for o in s.overrides
    ]


def _relay(text: str) -> Structure:
    return [(f"{s.name} {place}", v) for s in postfix.read_texthash(text)
            for place, v in zip(("user", "password"), s.value.split(":", 1), strict=True)]  # fmt: skip


def _dovecot(text: str) -> Structure:
    return [(f"{x.type} {x.name} {s.name}", s.value) for x in dovecot.read(text).walk() for s in x.settings]


def _sql(text: str) -> Structure:
    """`connect` is divided at blanks by Dovecot, which takes the hosts out; libpq reads the rest."""
    found: Structure = []
    for setting in dovecot.read_flat(text):
        if setting.name != "connect":
            found.append((setting.name, setting.value))
            continue
        words = [word for word in setting.value.split(" ") if word]
        hosts = [word for word in words if word.startswith(("host=", "hostaddr=", "maxconns="))]
        rest = parse_dsn(" ".join(word for word in words if word not in hosts))
        found += [("hosts", hosts[0]), ("number of hosts", len(hosts)), *rest.items()]
    return found


def _ldap(text: str) -> Structure:
    """Dovecot expands `%` in the base and in the filter: `%u` is the login, `%%` a percent sign."""
    found: Structure = []
    for setting in dovecot.read_flat(text):
        value = setting.value
        if setting.name in ("base", "pass_filter"):
            assert re.fullmatch(r"(?:[^%]|%[%u])*", value, re.DOTALL)
            value = re.sub(r"%(.)", lambda m: "%" if m[1] == "%" else "\1login\1", value)
        found.append((setting.name, value))
    return found


def _nginx(text: str) -> Structure:
    tree = nginx.read("x", {"x": text})
    return [(f"{d.name} {number}", a) for d in tree.walk() for number, a in enumerate(d.arguments)]


def _haproxy(text: str) -> Structure:
    found: Structure = []
    for section in haproxy.read(text):
        found.append((section.kind, section.name))
        found += [
            (f"{line.words[0]} {number}", word) for line in section.lines for number, word in enumerate(line.words)
        ]
    return found


def _sogo(text: str) -> Structure:
    found: Structure = []

    def walk(place: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{place}/{key}", inner)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                walk(f"{place}/{number}", inner)
        elif isinstance(value, str) and value.startswith("postgresql://"):
            url = urlsplit(value)
            parts = (url.username, url.password, url.netloc.rpartition("@")[2], url.path, url.query, url.fragment)
            found.extend((f"{place} {number}", unquote(str(part))) for number, part in enumerate(parts))
        else:
            found.append((place, value))

    walk("", plist.read(text).plain)
    return found


def _xml(text: str) -> Structure:
    return [(f"{e.tag} {sorted(e.attrib)}", value) for e in ElementTree.fromstring(text).iter()
            for value in ((e.text or "").strip("\n ") if len(e) else e.text or "", *e.attrib.values())]  # fmt: skip


READERS: tuple[tuple[str, Callable[[str], Structure]], ...] = (
    (r"postfix/main\.cf", _main),
    (r"postfix/master\.cf", _master),
    (r"postfix/maps/\w+\.cf", lambda t: [(s.name, s.value) for s in postfix.read_table(t)]),
    (r"postfix/maps/relay_password", _relay),
    (r"postfix/maps/nodes", lambda t: [("entry", x) for x in t.split("\n") if x and x[0] != "#"]),
    (r"dovecot/dovecot\.conf", _dovecot),
    (r"dovecot/sql\.conf", _sql),
    (r"dovecot/ldap-.*", _ldap),
    (r"nginx/\w+\.conf", _nginx),
    (r"haproxy/haproxy\.cfg", _haproxy),
    (r"sogo/sogo\.conf", _sogo),
    (r"memcached/memcached\.conf", lambda t: [(s.name, s.value) for s in memcached.read(t)]),
    (r".*\.xml", _xml),
    (r"sogo/environment|dovecot/nobody\.passwd", lambda t: [x.partition("=")[::2] for x in t.split("\n")]),
    (r"tls/.*", lambda t: [("pem", t.strip())]),
)


def files_with(given: Values, surroundings: Surroundings, only: set[str] | None = None) -> dict[str, str]:
    """Rendered texts by path, as `render` makes them but with one compilation for all values."""
    context = {"p": rendering._Parameters(given), **surroundings.as_context()}
    return {
        path: rendering._render_file(ENVIRONMENT, TEMPLATE, file, context | extra)
        for component, content in TEMPLATE.spec.components.items()
        for file in content.files
        for path, extra in ((f"{component}/{one}", more) for one, more in rendering._instances(file, surroundings))
        if only is None or file.source in only
    }


def sources_that_show(field: Field) -> set[str]:
    """The sources whose text is another with a harmless value in the field."""
    plain, shown = files_with(BASE, HERE), files_with(*field.put(field.harmless))
    paths = [path for path, text in shown.items() if plain.get(path) != text]
    return {
        file.source
        for component, content in TEMPLATE.spec.components.items()
        for file in content.files
        for path in paths
        if path == f"{component}/{file.path}" or (file.for_each and path.startswith(f"{component}/{file.path[:4]}"))
    }


class Examined:
    """One field with its harmless rendering, against which the hostile ones are compared."""

    def __init__(self, name: str) -> None:
        self.field = FIELDS[name]
        self.sources = sources_that_show(self.field)
        self.harmless = {
            path: read_back(path, text) for path, text in files_with(*self._harmless(), self.sources).items()
        }

    def _harmless(self) -> tuple[Values, Surroundings]:
        return self.field.put(self.field.harmless)

    def outcome(self, hostile: str) -> str:
        """`equal` or `refused`; anything else is an assertion that fails."""
        try:
            given, surroundings = self.field.put(hostile)
            files = files_with(given, surroundings, self.sources)
        except (ValueError, RupostError, rendering._Mistake):
            return "refused"
        mark = self.field.harmless
        expected_paths = [path.replace(mark, hostile) for path in self.harmless]
        assert list(files) == expected_paths, hostile
        for (path, text), harmless in zip(files.items(), self.harmless.values(), strict=True):
            have = read_back(path, text)
            assert [place for place, _v in have] == [place for place, _v in harmless], (path, hostile)
            if self.field.free:
                self._compare(path, have, harmless, hostile)
            else:
                assert all(PLAIN.fullmatch(str(value)) for value in _shown(given)), hostile
        return "equal"

    def _compare(self, path: str, have: Structure, harmless: Structure, hostile: str) -> None:
        mark = self.field.harmless
        if path.startswith("tls/"):
            mark, hostile = mark.strip(), hostile.strip()
        for (place, value), (_place, before) in zip(have, harmless, strict=True):
            assert value == (before.replace(mark, hostile) if isinstance(before, str) else before), (path, place)


def _shown(given: Values) -> list[object]:
    """The values that are not those of the base, each item of a list by itself."""
    others = [value for name, value in given.items() if value != BASE[name]]
    return [item for value in others for item in (value if isinstance(value, tuple) else (value,))]


@pytest.mark.parametrize("name", FIELDS)
def test_hostile_values_stay_in_their_place(name):
    examined = Examined(name)
    counts = Counter(
        examined.outcome(value)
        for value in (*ATOMS, *values(SEED + list(FIELDS).index(name), COUNT // len(FIELDS) + 1))
    )
    assert counts["refused"] + counts["equal"] > COUNT // len(FIELDS)
    assert counts["refused"], "nothing was hostile enough to be refused"
    if examined.field.free and "pem" not in name and not name.startswith(("certificate", "dhparam")):
        assert counts["equal"], "everything was refused: nothing was compared"


def test_every_field_that_a_template_may_print_is_examined():
    named = {name.partition(".")[0] for name in FIELDS}
    assert {n for n in TEMPLATE.spec.parameters if not n.endswith("_extra")} <= named
    around_it = {"node", "nodes", "database", "directory", "domains", "live_root"}
    around_it |= {"certificate_chain", "certificate_key", "dhparam"}
    assert around_it <= named
    assert len(around_it) == len(Surroundings.__dataclass_fields__)


def test_a_hole_would_be_found():
    """With the quoting of one field taken away, the same comparison fails."""
    examined = Examined("organization")
    holes = dict(ENVIRONMENT.filters)
    ENVIRONMENT.filters["plist"] = lambda value: rendering.Quoted(f'"{value}"')
    try:
        with pytest.raises((AssertionError, ValueError)):
            for value in ('x"; SOGoSuperUsernames = (evil); y = "', "a\\"):
                examined.outcome(value)
    finally:
        ENVIRONMENT.filters.update(holes)


def test_the_short_way_of_rendering_is_the_real_one():
    assert files_with(BASE, HERE) == {f.path: f.content for f in rendering.render(TEMPLATE, BASE, HERE)}
