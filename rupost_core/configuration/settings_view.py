"""Rendered files as flat settings: what each means to its daemon, without comments, order and layout. Pure.

A plan compares two of these views, to say which settings change rather than which lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rupost_core.components.languages import dovecot, haproxy, memcached, nginx, plist, postfix
from rupost_core.components.languages.syntax import ConfigurationSyntaxError
from rupost_core.configuration.model import RenderedFile

Pairs = Iterator[tuple[tuple[str, ...], str]]


@dataclass(frozen=True)
class SettingKey:
    """Where a setting stands: the file, the sections around it, and its own name (the last of `path`)."""

    component: str
    file: str
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path[-1]


def settings_of(files: Iterable[RenderedFile]) -> dict[SettingKey, tuple[str, ...]]:
    """Every setting's values in their order (several where a directive may be repeated).

    A file that its reader refuses, or that is in no language of ours, counts as one setting with its whole text.
    """
    texts = {file.path: file.content for file in files}
    found: defaultdict[SettingKey, list[str]] = defaultdict(list)
    for file in files:
        try:
            pairs = list(_pairs(file, texts))
        except ConfigurationSyntaxError:
            pairs = [(("",), file.content)]
        for path, value in pairs:
            found[SettingKey(file.component, file.path, path)].append(value)
    return {key: tuple(values) for key, values in found.items()}


# The files that nginx.conf includes are told of there.
_INCLUDED = frozenset({"nginx/http.conf", "nginx/stream.conf", "nginx/autoconfiguration.conf"})


def _pairs(file: RenderedFile, texts: dict[str, str]) -> Pairs:
    if file.path == "nginx/nginx.conf":
        return _nginx(nginx.read(file.path, texts), ())
    if file.path in _INCLUDED:
        return iter(())
    return _READERS.get(file.path, _as_it_is)(file.content)


def _as_it_is(text: str) -> Pairs:
    yield ("",), text


def _main(text: str) -> Pairs:
    # The later of two settings wins.
    yield from (((name,), value) for name, value in postfix.read_main(text).as_dict().items())


def _haproxy(text: str) -> Pairs:
    for section in haproxy.read(text):
        for line in section.lines:
            yield (f"{section.kind} {section.name}".strip(), line.words[0]), " ".join(line.words[1:])


def _memcached(text: str) -> Pairs:
    yield from (((option.name,), option.value) for option in memcached.read(text))


def _master(text: str) -> Pairs:
    for service in postfix.read_master(text):
        where = f"{service.name} {service.type}"
        yield (where, "program"), " ".join((service.program, *service.words))
        yield (where, "chroot"), service.chroot
        for override in service.overrides:
            yield (where, override.name), override.value


def _dovecot(section: dovecot.Section, around: tuple[str, ...]) -> Pairs:
    for setting in section.settings:
        yield (*around, setting.name), setting.value
    for inner in section.sections:
        yield from _dovecot(inner, (*around, f"{inner.type} {inner.name}".strip()))


def _nginx(directive: nginx.Directive, around: tuple[str, ...]) -> Pairs:
    for inner in directive.block or ():
        if inner.block is None:
            yield (*around, inner.name), " ".join(inner.arguments)
            continue
        listen = inner.first("listen") if inner.name == "server" else None
        name = " ".join((inner.name, *inner.arguments, *((listen.value,) if listen else ())))
        yield from _nginx(inner, (*around, name))


def _plist(node: plist.Node, around: tuple[str, ...]) -> Pairs:
    if isinstance(node.data, dict):
        for key, inner in node.data.items():
            yield from _plist(inner, (*around, key))
    elif isinstance(node.data, list):
        for number, inner in enumerate(node.data, 1):
            yield from _plist(inner, (*around, str(number)))
    else:
        yield around or ("",), node.data


_READERS: dict[str, Callable[[str], Pairs]] = {
    "postfix/main.cf": _main,
    "postfix/master.cf": _master,
    "dovecot/dovecot.conf": lambda text: _dovecot(dovecot.read(text), ()),
    "haproxy/haproxy.cfg": _haproxy,
    "sogo/sogo.conf": lambda text: _plist(plist.read(text), ()),
    "memcached/memcached.conf": _memcached,
}
