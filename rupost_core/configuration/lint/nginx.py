"""nginx: upstreams that exist, includes that are there, TLS listeners with a certificate, modules that are loaded."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from rupost_core.components.languages.nginx import Directive
from rupost_core.configuration.lint.model import Finding, HostFacts, error, listed, warning
from rupost_core.configuration.lint.system import NGINX, System
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

_MODULES = {"stream": "ngx_stream_module.so", "mail": "ngx_mail_module.so"}
# https://nginx.org/en/docs/dirindex.html: the directives with braces, of all modules.
_BLOCKS = listed(
    """events http stream mail server upstream location map types if geo limit_except match split_clients
    charset_map"""
)
# Directives of one line that a mail node's nginx is likely to have.
_COMMON = listed(
    """access_log add_header alias allow auth_basic client_body_buffer_size client_max_body_size default_type deny
    error_log error_page expires gzip include index keepalive_requests keepalive_timeout limit_conn limit_req listen
    load_module log_format pid proxy_buffer_size proxy_buffers proxy_busy_buffers_size proxy_connect_timeout
    proxy_http_version proxy_pass proxy_protocol proxy_read_timeout proxy_redirect proxy_send_timeout proxy_set_header
    proxy_timeout real_ip_header resolver return rewrite root sendfile server_name server_tokens set
    set_real_ip_from ssl_certificate ssl_certificate_key ssl_ciphers ssl_dhparam ssl_prefer_server_ciphers
    ssl_protocols ssl_session_cache ssl_session_timeout tcp_nodelay tcp_nopush try_files user worker_connections
    worker_processes worker_rlimit_nofile"""
)
_SETTINGS = re.compile(r"^\s*[^#\s]", re.MULTILINE)
_LEAST_UPLOAD = 1 << 20  # bytes
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
    yield from _unended(system)
    yield from _uploads(system, root)
    for directive in root.walk():
        if directive.block is not None and directive.name and directive.name not in _BLOCKS:
            reason = _("there is no block “{name}”.", name=directive.name) + nearest(directive.name, _BLOCKS)
            yield _wrong("unknown_block", directive, reason)
        if directive.name == "include" and not _ABSOLUTE_OR_PATTERN.match(directive.value):
            reason = _("{path} is not in the generation", path=f"nginx/{directive.value}")
            yield _wrong("file_missing", directive, reason)


def _unended(system: System) -> Iterator[Finding]:
    """A line that no “;” ends, before one that begins with a directive's name: nginx takes that for an argument."""
    names = {directive.name for directive in system.nginx.walk()} | _BLOCKS | _COMMON
    for path, file in system.files.items():
        if not path.startswith("nginx/") or not path.endswith(".conf"):
            continue
        lines = [(number, line.strip()) for number, line in enumerate(file.lines, 1)]
        lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
        for (number, line), (_next, following) in itertools.pairwise(lines):
            begins = re.match(r"([a-z_]+)[\s;]", following)
            if line[-1] not in ";{}" and begins and begins[1] in names:
                yield error("unended", "nginx", path, number, _("“;” is missing"))


def _uploads(system: System, root: Directive) -> Iterator[Finding]:
    """The web client sends a whole letter in one request."""
    largest = system.main.value("message_size_limit", "10240000")
    for directive in root.walk():
        if directive.name != "client_max_body_size":
            continue
        size = _bytes(directive.value)
        if size is not None and largest.isdigit() and 0 < size < int(largest):
            reason = _("a letter of the {limit} bytes that Postfix takes could not be written in the web client",
                       limit=largest)  # fmt: skip
            # Less than any letter with a picture is surely a slip; else somebody may want it so.
            if size < _LEAST_UPLOAD:
                yield _wrong("upload_too_small", directive, reason)
            else:
                yield warning("upload_too_small", "nginx", directive.file, directive.line, reason)


def _bytes(text: str) -> int | None:
    """A size of nginx: bytes, or with k, m or g."""
    match = re.fullmatch(r"(\d+)([kKmMgG]?)", text)
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()] if match else None


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
