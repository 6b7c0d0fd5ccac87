"""nginx: upstreams that exist, includes that are there, TLS listeners with a certificate, modules that are loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rupost_core.components.languages.nginx import Directive
from rupost_core.configuration.lint.model import Finding, HostFacts, error, listed
from rupost_core.configuration.lint.system import NGINX, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_MODULES = {"stream": "ngx_stream_module.so", "mail": "ngx_mail_module.so"}
# https://nginx.org/en/docs/dirindex.html: the directives with braces, of all modules.
_BLOCKS = listed(
    """events http stream mail server upstream location map types if geo limit_except match split_clients
    charset_map"""
)
_SETTINGS = re.compile(r"^\s*[^#\s]", re.MULTILINE)
_ABSOLUTE_OR_PATTERN = re.compile(r"/|.*[*?\[]")


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    root = system.nginx
    for context in root.every("http", "stream", "mail"):
        yield from _upstreams(context)
        for server in context.every("server"):
            yield from _server(context, server)
        yield from _module(root, context)
    for path, file in system.files.items():
        if path.startswith("nginx/") and path.endswith(".conf") and not _SETTINGS.search(file.content):
            yield error("file_empty", "nginx", path, None, _("the file holds no settings"))
    for directive in root.walk():
        if directive.block is not None and directive.name and directive.name not in _BLOCKS:
            reason = _("there is no block “{name}”.", name=directive.name) + nearest(directive.name, _BLOCKS)
            yield _wrong("unknown_block", directive, reason)
        if directive.name == "include" and not _ABSOLUTE_OR_PATTERN.match(directive.value):
            reason = _("{path} is not in the generation", path=f"nginx/{directive.value}")
            yield _wrong("file_missing", directive, reason)


def _wrong(code: str, directive: Directive, reason: str) -> Finding:
    return error(code, "nginx", directive.file, directive.line, reason)


def _upstreams(context: Directive) -> Iterator[Finding]:
    names = {block.value for block in context.every("upstream")}
    for directive in context.walk():
        if directive.name != "proxy_pass" or "$" in directive.value:
            continue
        name = directive.value.rpartition("://")[2].partition("/")[0]
        # A bare word is an upstream; anything with a dot, a colon or a socket's path is an address.
        if re.fullmatch(r"[A-Za-z0-9_-]+", name) and name not in names and name != "localhost":
            reason = _("there is no upstream “{name}”.", name=name) + nearest(name, names)
            yield _wrong("upstream_missing", directive, reason)


def _server(context: Directive, server: Directive) -> Iterator[Finding]:
    for listen in server.every("listen"):
        certified = server.first("ssl_certificate") or context.first("ssl_certificate")
        if "ssl" in listen.arguments and certified is None:
            yield _wrong("no_certificate", listen, _("a TLS listener has no ssl_certificate"))
    named = [(listen.value, *sorted(listen.arguments[1:])) for listen in server.every("listen")]
    for listen in server.every("listen")[1:]:
        if named.count((listen.value, *sorted(listen.arguments[1:]))) > 1:
            yield _wrong("port_twice", listen, _("“listen {address}” stands twice", address=listen.value))
            return
    if context.name == "stream" and not (server.first("proxy_pass") or server.first("return")):
        yield _wrong("no_upstream", server, _("the server passes its connections to nobody"))


def _module(root: Directive, context: Directive) -> Iterator[Finding]:
    module = _MODULES.get(context.name)
    loaded = [directive.value for directive in root.every("load_module", "include")]
    if module and not any(value.endswith(module) or "modules-enabled" in value for value in loaded):
        # Of the main file, where it must stand, wherever its block may be.
        yield error("module_missing", "nginx", NGINX, None, _("load_module {name} is missing", name=module))
