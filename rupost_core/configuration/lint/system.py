"""A generation as the daemons will read it: every main file parsed, Postfix's services with their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from rupost_core.components.languages import dovecot, haproxy, memcached, nginx, plist, postfix
from rupost_core.components.languages.syntax import ConfigurationSyntaxError, Settings
from rupost_core.configuration.lint.model import Finding, HostFacts, error
from rupost_core.configuration.model import RenderedFile

T = TypeVar("T")
MAIN = "postfix/main.cf"
MASTER = "postfix/master.cf"
DOVECOT = "dovecot/dovecot.conf"
NGINX = "nginx/nginx.conf"
HAPROXY = "haproxy/haproxy.cfg"
SOGO = "sogo/sogo.conf"
MEMCACHED = "memcached/memcached.conf"


@dataclass
class System:
    """The parsed generation. A part that is not in it, or cannot be read, is empty; `unreadable` says why."""

    files: Mapping[str, RenderedFile]
    live_root: str
    main: postfix.MainCf = field(default_factory=lambda: postfix.MainCf(()))
    services: tuple[postfix.Service, ...] = ()
    dovecot: dovecot.Section = field(default_factory=lambda: dovecot.Section("", "", 1))
    nginx: nginx.Directive = field(default_factory=lambda: nginx.Directive("", (), NGINX, 1, ()))
    haproxy: tuple[haproxy.Section, ...] = ()
    sogo: plist.Node | None = None
    memcached: Settings = field(default_factory=lambda: Settings(()))
    unreadable: list[Finding] = field(default_factory=list)

    def has(self, path: str) -> bool:
        """Whether the file is there and was understood."""
        return path in self.files and not any(f.problem.file == path for f in self.unreadable)

    def generation_path(self, path: str) -> str | None:
        """A path that the daemons open, relative to the live root; None for one outside."""
        prefix = self.live_root + "/"
        return path[len(prefix) :] if path.startswith(prefix) else None

    def setting(self, service: postfix.Service, name: str, default: str = "") -> str:
        """The value that holds in a service of Postfix, macros expanded."""
        return self.main.value(name, default, service.overrides.as_dict())

    def place(self, service: postfix.Service, *names: str) -> tuple[str, int | None]:
        """(file, line) of the first of these settings that holds in the service, else of the service."""
        for name in names:
            if name in service.overrides:
                return MASTER, service.overrides.line(name)
        return next(((MAIN, self.main.line(name)) for name in names if name in self.main), (MASTER, service.line))

    @property
    def smtpd(self) -> list[postfix.Service]:
        return [service for service in self.services if service.program == "smtpd"]


def read(files: tuple[RenderedFile, ...], facts: HostFacts) -> System:
    by_path = {file.path: file for file in files}
    texts = {path: file.content for path, file in by_path.items()}
    system = System(by_path, facts.live_root)

    def parsed(path: str, parse: Callable[[str], T], empty: T) -> T:
        if path not in texts:
            return empty
        try:
            return parse(texts[path])
        except ConfigurationSyntaxError as problem:
            file = problem.file or path
            system.unreadable.append(error("syntax", by_path[file].component, file, problem.line, problem.reason))
            return empty

    # Postfix makes these from where it reads main.cf.
    built_in = f"config_directory = {facts.live_root}/postfix\n"
    system.main = parsed(MAIN, lambda text: _with_macros(built_in, text), system.main)
    system.services = parsed(MASTER, postfix.read_master, system.services)
    system.dovecot = parsed(DOVECOT, dovecot.read, system.dovecot)
    system.nginx = parsed(NGINX, lambda _text: nginx.read(NGINX, texts), system.nginx)
    system.haproxy = parsed(HAPROXY, haproxy.read, system.haproxy)
    system.sogo = parsed(SOGO, plist.read, system.sogo)
    system.memcached = parsed(MEMCACHED, memcached.read, system.memcached)
    return system


def _with_macros(built_in: str, text: str) -> postfix.MainCf:
    """main.cf with its built-in macros; each value is expanded once, so that what cannot be is told with its line."""
    given = postfix.read_main(text)
    main = postfix.MainCf([*postfix.read_main(built_in), *given])
    for setting in given:
        try:
            postfix.expand(setting.value, main.get)
        except ValueError as problem:
            raise ConfigurationSyntaxError(setting.line, str(problem)) from problem
    return main
