"""Files that the configuration names: they exist in the generation, their readers may read them, others may not."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from rupost_core.components.languages.postfix import read_table, split_list
from rupost_core.components.languages.syntax import ConfigurationSyntaxError
from rupost_core.configuration.lint.model import Finding, HostFacts, error, listed, warning
from rupost_core.configuration.lint.system import MAIN, MASTER, SOGO, System
from rupost_core.configuration.model import RenderedFile
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

# `postconf -m` of Debian's packages; those of the second line need a package of their own.
_TYPES = listed(
    """btree cidr environ fail hash inline internal memcache nis pgsql pipemap proxy randmap regexp socketmap
    static tcp texthash unionmap unix"""
)
_PACKAGED = listed("cdb dbm ldap lmdb mysql pcre sdbm sqlite")
_COMPILED = listed("btree cdb dbm hash lmdb sdbm")
_OF_FILES = _COMPILED | listed("cidr ldap memcache mysql pcre pgsql regexp sqlite texthash")
_TABLE = re.compile(r"(?:proxy:)?([a-z]+):(/\S+)")
_MAP_PARAMETER = re.compile(r".*(?:_maps|_checks|_tables?|_domains|_database|_map)$")
_SECRET = re.compile(r"PRIVATE KEY-----|^\s*(?:password|dnpass|bindPassword|connect)\s*=", re.MULTILINE)
# A path below the live root as it stands in a text of any of the languages.
_PATH_END = r"[A-Za-z0-9_./@+-]+"
# Debian's accounts of the daemons that a file of the component may belong to, besides root.
_ACCOUNTS = {
    "postfix": ("postfix",), "dovecot": ("dovecot", "dovenull"), "sogo": ("sogo",), "nginx": ("www-data",),
    "haproxy": ("haproxy",), "memcached": ("memcache",),
}  # fmt: skip
_WORLD_READABLE = 0o004
_OTHERS_WRITE = 0o022


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    yield from _named_files(system)
    yield from _needed_tables(system)
    yield from _tables(system)
    for file in system.files.values():
        if file.mode & _OTHERS_WRITE:
            reason = _("others than its owner could change it: mode {mode:04o}", mode=file.mode)
            yield error("file_writable", file.component, file.path, None, reason)
        if file.mode & _WORLD_READABLE and (file.secret or _SECRET.search(file.content)):
            reason = _("a secret in it could be read by every user of the node: mode {mode:04o}", mode=file.mode)
            yield error("secret_readable", file.component, file.path, None, reason)
        if file.secret and file.owner not in ("root", "0", *_ACCOUNTS.get(file.component, ())):
            reason = _("a secret in it would belong to {owner}, who is not the daemon", owner=file.owner)
            yield error("secret_readable", file.component, file.path, None, reason)
    sogo = system.files.get(SOGO)
    if sogo is not None and not _readable_by("sogo", sogo):
        yield error("file_unreadable", "sogo", SOGO, None, _("SOGo could not read it"))


def _named_files(system: System) -> Iterator[Finding]:
    pattern = re.compile(re.escape(system.live_root) + "/(" + _PATH_END + ")")
    for file in system.files.values():
        for number, line in enumerate(file.lines, 1):
            if line.lstrip().startswith(("#", "//", "/*")):
                continue
            for match in pattern.finditer(line):
                named = match[1].rstrip("./")
                if named not in system.files and not any(path.startswith(named + "/") for path in system.files):
                    reason = _("{path} is not in the generation", path=named)
                    yield error("file_missing", file.component, file.path, number, reason)


def _needed_tables(system: System) -> Iterator[Finding]:
    """Domains, mailboxes and aliases come from tables, so that new ones count at once."""
    for name in ("virtual_mailbox_domains", "virtual_mailbox_maps", "virtual_alias_maps"):
        if system.has(MAIN) and not _TABLE.search(system.main.value(name)):
            reason = _("{name} must name a table", name=name)
            yield error("table_missing", "postfix", MAIN, system.main.line(name), reason)


def _tables(system: System) -> Iterator[Finding]:
    named = [(s.name, s.value, MAIN, s.line) for s in system.main]
    named += [(s.name, s.value, MASTER, s.line) for service in system.services for s in service.overrides]
    for name, _value, file, line in named:
        for item in _items(system, file, name, line):
            match = _TABLE.fullmatch(item)
            if match:
                yield from _table(system, match[1], match[2], item, file, line)
            elif _MAP_PARAMETER.fullmatch(name) and re.match(r"[a-z]+:", item):
                yield from _type(item.removeprefix("proxy:").partition(":")[0], file, line)


def _items(system: System, file: str, name: str, line: int) -> list[str]:
    """A setting's items with macros expanded; what an earlier rule said about the syntax is not said again."""
    if file == MAIN:
        return split_list(system.main.value(name)) if line == system.main.line(name) else []
    for service in system.services:
        if service.overrides.line(name) == line:
            return split_list(system.setting(service, name))
    return []


def _table(system: System, kind: str, path: str, item: str, file: str, line: int) -> Iterator[Finding]:
    yield from _type(kind, file, line)
    inside = system.generation_path(path)
    if inside is None or kind not in _OF_FILES:
        return
    table = system.files.get(posixpath.normpath(inside))
    if kind in _COMPILED:
        reason = _("{type}: tables must be compiled with postmap; use texthash: for {path}", type=kind, path=inside)
        yield error("table_not_compiled", "postfix", file, line, reason)
    elif table is None:
        yield error("file_missing", "postfix", file, line, _("{path} is not in the generation", path=inside))
    elif item.startswith("proxy:") and not _readable_by("postfix", table):
        # proxymap opens them as the user postfix; the other way is open only before privileges are dropped.
        reason = _("the user postfix cannot read {path}: every lookup would fail", path=inside)
        yield error("file_unreadable", "postfix", table.path, None, reason)
    elif kind == "pgsql":
        yield from _database_named(table)


def _database_named(table: RenderedFile) -> Iterator[Finding]:
    """Without `hosts` Postfix asks a server on the node itself, whether the addresses are there or not."""
    try:
        named = read_table(table.content)
    except ConfigurationSyntaxError as problem:
        yield error("syntax", "postfix", table.path, problem.line, problem.reason)
        return
    if not named.get("hosts"):
        reason = _("“{key}” is missing", key="hosts")
        yield error("table_incomplete", "postfix", table.path, named.line("hosts"), reason)


def _type(kind: str, file: str, line: int) -> Iterator[Finding]:
    if kind in _PACKAGED:
        reason = _("{type}: tables need the package postfix-{type}", type=kind)
        yield warning("table_type", "postfix", file, line, reason)
    elif kind not in _TYPES:
        reason = _("“{type}” is not a type of table.", type=kind) + nearest(kind, _TYPES | _PACKAGED)
        yield error("table_type", "postfix", file, line, reason)


def _readable_by(user: str, file: RenderedFile) -> bool:
    return bool(
        (file.owner == user and file.mode & 0o400)
        or (file.group == user and file.mode & 0o040)
        or file.mode & _WORLD_READABLE
    )
