"""One setting of a rendered file broken: its name, its value, its unit, its path, its port; or the line left out.

What would mean the same afterwards, or touches only logs and statistics, is left alone by the rules below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rupost_core.configuration.model import RenderedFile
from tests.broken.languages import Statement, language_of, put, statements
from tests.broken.misspelling import misspelt
from tests.broken.model import Broken, Edit


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that mean one thing to the daemon; other words in values (names, titles, texts) are free.
_KEYWORDS = _words(
    """yes no all ipv4 may encrypt none dovecot noanonymous haproxy normalize on off tcp required plain login
    imap lmtp sieve ldap sql pgsql syslog always subtree demand smtp ssl http2 proxy_protocol default_server
    send-proxy send-proxy-v2 check check-ssl check-send-proxy verify quota imap_quota maildir SUB YES NO Russian
    Moscow ip inet unix smtpd cleanup qmgr tlsmgr trivial-rewrite bounce proxymap postlogd scache anvil showq
    discard proxy texthash btree permit_mynetworks permit_sasl_authenticated reject reject_unauth_destination
    reject_non_fqdn_recipient reject_unknown_recipient_domain check_policy_service reject_non_fqdn_sender
    reject_sender_login_mismatch clients rupost permit SELECT FROM WHERE sogo to_smtp to_smtps to_imaps to_sieve
    to_sieve_tls to_http to_https postfix TLSv1.2 TLSv1.3"""
)
# Free texts, and settings that only logs show.
_FREE = _words(
    """log_format server_name syslog_name milter_macro_daemon_name smtpd_banner login_log_format_elements log_path
    default_type managesieve_implementation_string SOGoPageTitle displayName id return add_header log access_log
    quota_status_overquota SOGoMailDomain myorigin mydomain myhostname auth_verbose biff"""
)
# Where the other end of a connection may be named: it is not to be told which of the two is wrong.
_AGREED = frozenset({"wrong port", "wrong address", "wrong path"})
_NAMES = _words(
    """clients sogo inet unix reject_unauth_destination to_smtp to_smtps to_imaps to_sieve to_sieve_tls to_http
    to_https rupost"""
)
_WORD = re.compile(r"(?<![\w./-])[A-Za-z][\w.-]*[A-Za-z0-9](?![\w/])")
_UNIT = re.compile(r"(?<![\w.:/%-])\d+(?:ms|s|m|h|d|k|M)(?![\w.])")
_NUMBER = re.compile(r"^\s*\"?\d+\"?\s*$")
_PATH = re.compile(
    r"(?:/var/lib/rupost/configuration/live|/usr/lib|/etc|/var/spool/postfix)/[\w./-]*\w|(?<![\w/])private/[\w-]+"
)
_ADDRESS = re.compile(r"(?<![\w.])(127\.0\.0\.[12]):(\d+)(?!\d)")
_BOUND = re.compile(r"^ *(?:bind :|port = |-p |address = )(?P<value>[\d.]+)")
# Statistics of our own node, and the port between nodes, which one node alone has no use for.
_UNASKED_PORTS = frozenset({"8404", "10000", "0"})


def statement_faults(file: RenderedFile) -> Iterator[Broken]:
    language = language_of(file.path)
    if not language:
        return
    content = file.content
    found = list(statements(language, content))
    names = {_text(content, one.line, one.name) for one in found}
    for one in found:
        name = _text(content, one.line, one.name)
        for way, span, text in _broken_parts(language, content, one, name, names):
            edit = Edit(file.path, put(content, one.line, span, text))
            old = _text(content, one.line, span)
            elsewhere = way in _AGREED or old in _NAMES or one.section == "section" or name == "haproxy"
            yield Broken(f"{file.path}:{one.line + 1} {way} {text.strip()[:40]}", way, (file.path,), edits=(edit,),
                         line=one.line + 1, elsewhere=elsewhere)  # fmt: skip


Part = tuple[str, tuple[int, int], str]


def _broken_parts(language: str, content: str, one: Statement, name: str, names: set[str]) -> Iterator[Part]:
    """(kind of fault, the span of the line, what stands there instead)."""
    if language != "options" and one.section != "service":
        for wrong in misspelt(name, names | _KEYWORDS):
            yield "misspelt name", one.name, wrong
    # A frontend's name is used by nobody.
    if name not in _FREE and name != "frontend":
        yield from _broken_value(_text(content, one.line, one.value), one.value[0], name)
    yield from _broken_place(content.split("\n")[one.line], one)


def _broken_value(value: str, start: int, name: str) -> Iterator[Part]:
    for match in _WORD.finditer(value):
        if match[0] in _KEYWORDS and match[0] != name:
            for wrong in misspelt(match[0], _KEYWORDS):
                yield "misspelt value", (start + match.start(), start + match.end()), wrong
    for match in _UNIT.finditer(value):
        yield "wrong unit", (start + match.start(), start + match.end()), f"{match[0]}parsecs"
    if _NUMBER.match(value):
        yield "not a number", (start, start + len(value)), value.replace(value.strip(' "'), "lots")
    for match in _PATH.finditer(value):
        yield "wrong path", (start + match.end(), start + match.end()), "-nosuch"


def _broken_place(line: str, one: Statement) -> Iterator[Part]:
    for match in _ADDRESS.finditer(line):
        if _within(match, one) and match[2] not in _UNASKED_PORTS:
            yield "wrong port", match.span(2), str(int(match[2]) + 7)
            yield "wrong address", match.span(1), "192.0.2.1"
    bound = _BOUND.match(line)
    if bound and bound["value"] not in _UNASKED_PORTS:
        is_address = "." in bound["value"]
        wrong = "192.0.2.1" if is_address else str(int(bound["value"]) + 7)
        yield ("wrong address" if is_address else "wrong port"), bound.span("value"), wrong
        if line.strip().startswith("bind :"):
            yield "wrong address", (bound.start("value") - 1, bound.end("value")), f"192.0.2.1:{bound['value']}"


def _within(match: re.Match[str], one: Statement) -> bool:
    """Whether the address stands in this setting (several may share a line), or is the service's own."""
    first, last = min(one.name[0], one.value[0]), max(one.name[1], one.value[1])
    return first <= match.start() and match.end() <= last


def _text(content: str, line: int, span: tuple[int, int]) -> str:
    return content.split("\n")[line][span[0] : span[1]]
