"""A rendered file broken as a whole: cut off, emptied, missing; foreign text in it, brackets, line ends, rights."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from rupost_core.configuration.model import RenderedFile
from tests.broken.languages import language_of, statements
from tests.broken.model import Broken, Edit

# What a failing program or a half-done upgrade leaves in a file instead of settings.
_FOREIGN = {
    "stderr of postconf": "postconf: warning: /etc/postfix/main.cf: unused parameter: foo=bar",
    "stderr of sed": "sed: can't read /tmp/x.conf: No such file or directory",
    "traceback": "Traceback (most recent call last):",
    "shell error": "/bin/sh: 1: jq: not found",
    "merge conflict": "<<<<<<< HEAD",
    "unrendered value": "{{ p.mail_host }}",
    "unrendered block": "{% if p.relay_host %}",
    "undefined value": "None",
    "NUL": "\0\0\0\0",
}
# After these it is others that miss what stood there.
_VANISHING = frozenset({"emptied file", "old line ends"})
# Settings of other versions of a component than the template supports.
_OTHER_VERSION = {
    "postfix/main.cf": ("smtpd_hide_client_session = yes", "smtp_tlsrpt_enable = yes", "use_srs = yes"),
    "dovecot/dovecot.conf": ("dovecot_config_version = 2.4.0", "mail_driver = maildir", "mail_path = ~/Maildir",
                             "ssl_server_cert_file = /etc/ssl/x.pem", "auth_allow_cleartext = yes"),
    "nginx/http.conf": ("http3 on;", "http2 on;", "ssl_reject_handshake_x on;"),
    "haproxy/haproxy.cfg": ("    log-profile x", "crt-store x", "    reqadd X-A:\\ b"),
}  # fmt: skip
# What daemons and units name themselves; the other files are read only if one of these names them.
_MAIN = re.compile(
    r"postfix/(main|master)\.cf|dovecot/dovecot\.conf|nginx/nginx\.conf|haproxy/haproxy\.cfg|sogo/(sogo\.conf|environment)"
    r"|memcached/memcached\.conf"
)


def whole_file_faults(
    file: RenderedFile, all_files: tuple[RenderedFile, ...], dice: random.Random
) -> Iterator[Broken]:
    if not (_MAIN.fullmatch(file.path) or _is_read(file, all_files)):
        return
    yield _fault(file, "missing file", None)
    yield _fault(file, "emptied file", "")
    yield _fault(file, "emptied file", "\n\n", " blank")
    language = language_of(file.path)
    if language:
        yield from _cuts(file, language, dice)
        yield from _foreign_lines(file, language, dice)
        yield from _unbalanced(file, dice)
        yield from _line_tricks(file)
        if re.search(r"^\s*#", file.content, re.MULTILINE):
            # Where a remark ends with its line, the first one swallows the rest; elsewhere this is just white space.
            yield _fault(file, "old line ends", file.content.replace("\n", "\r"))
    elif file.path.endswith(".xml"):
        yield _fault(file, "truncated file", file.content[: len(file.content) * 2 // 3])
        yield _fault(file, "unbalanced", file.content.replace("</hostname>", "", 1).replace("</Server>", "", 1))
        yield _fault(file, "foreign line", file.content.replace("<", "< &", 1))
    yield from _rights(file)


def _is_read(file: RenderedFile, all_files: tuple[RenderedFile, ...]) -> bool:
    name = file.path.partition("/")[2]
    return any(name in other.content for other in all_files if other.path != file.path)


def _fault(file: RenderedFile, way: str, content: str | None, detail: str = "", line: int | None = None) -> Broken:
    files = (file.path,) if content else ()
    edits = (Edit(file.path, content),)
    return Broken(f"{file.path}: {way}{detail}", way, files, edits=edits, line=line, elsewhere=way in _VANISHING)


def _cuts(file: RenderedFile, language: str, dice: random.Random) -> Iterator[Broken]:
    """Cut in the first half, where settings follow, in the middle of one's name."""
    found = list(statements(language, file.content))
    starts = [0]
    for line in file.content.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    middle = found[: max(1, len(found) // 2)]
    for one in dice.sample(middle, min(2, len(middle))):
        position = starts[one.line] + one.name[0] + max(1, (one.name[1] - one.name[0]) // 2)
        broken = _fault(file, "truncated file", file.content[:position], f" at {one.line + 1}")
        yield Broken(broken.name, broken.way, (), edits=broken.edits)


def _foreign_lines(file: RenderedFile, language: str, dice: random.Random) -> Iterator[Broken]:
    lines = file.content.split("\n")
    for detail, text in _FOREIGN.items():
        for at in {1, dice.choice(_between(file, language))}:
            content = "\n".join([*lines[:at], text, *lines[at:]])
            yield _fault(file, "foreign line", content, f" {detail} at {at + 1}")
    for index, text in enumerate(_OTHER_VERSION.get(file.path, ())):
        at = len(lines) - 4 if language in ("nginx", "plist") else len(lines) - 1
        content = "\n".join([*lines[:at], text, *lines[at:]])
        yield _fault(file, "other version's setting", content, f" {index}", at + 1)


def _between(file: RenderedFile, language: str) -> list[int]:
    """Lines before which a whole new line may stand."""
    return [one.line for one in statements(language, file.content)] or [1]


def _unbalanced(file: RenderedFile, dice: random.Random) -> Iterator[Broken]:
    """One bracket, quote or semicolon less; only those that the language gives a meaning."""
    marks = {"nginx": '{};"', "dovecot": "{}", "plist": '{}();"', "keys": "", "haproxy": ""}.get(
        language_of(file.path), ""
    )
    for mark in marks:
        places = [
            match.start()
            for match in re.finditer(re.escape(mark), file.content)
            if not _in_comment(file.content, match.start())
            and not _optional(file.content, match.start())
            and not _in_text(file.content, match.start())
        ]
        for place in dice.sample(places, min(3, len(places))):
            line = file.content[:place].count("\n") + 1
            content = file.content[:place] + file.content[place + 1 :]
            yield _fault(file, "unbalanced", content, f" {mark} at {line}")
    if language_of(file.path) == "plist":
        yield _fault(file, "unbalanced", file.content.replace("*/", "", 1), " comment")
    if language_of(file.path) == "dovecot":
        yield _fault(file, "unbalanced", file.content + "service imap {\n", " section")
    if language_of(file.path) == "haproxy":
        yield _fault(file, "unbalanced", file.content.replace("maxconn ", 'maxconn "', 1), " quote")


def _in_text(content: str, place: int) -> bool:
    """Inside a quoted text, where brackets, semicolons and the other kind of quote are only letters."""
    quote = ""
    for character in content[content.rfind("\n", 0, place) + 1 : place]:
        if not quote and character in "\"'":
            quote = character
        elif character == quote:
            quote = ""
    return bool(quote) and content[place] != quote


def _in_comment(content: str, place: int) -> bool:
    line = content[content.rfind("\n", 0, place) + 1 : place]
    return line.lstrip().startswith(("#", "/*"))


def _optional(content: str, place: int) -> bool:
    """A semicolon before a closing bracket of a property list may be left out; quotes of an empty text matter not."""
    return content[place] == ";" and content[place + 1 :].lstrip()[:1] == "}"


def _line_tricks(file: RenderedFile) -> Iterator[Broken]:
    """A blank before a setting makes it part of the one above; without it a continuation stands alone."""
    lines = file.content.split("\n")
    if file.path == "postfix/main.cf":
        for number in range(1, len(lines)):
            if re.match(r"(virtual_mailbox_maps|smtpd_tls_key_file|smtpd_sasl_path|data_directory) =", lines[number]):
                content = "\n".join([*lines[:number], " " + lines[number], *lines[number + 1 :]])
                broken = _fault(file, "joined lines", content, f" at {number + 1}")
                yield Broken(broken.name, broken.way, (), edits=broken.edits)
    if file.path in ("postfix/main.cf", "postfix/master.cf"):
        for number, line in enumerate(lines):
            if line.startswith(" ") and line.strip():
                content = "\n".join([*lines[:number], line.lstrip(), *lines[number + 1 :]])
                yield _fault(file, "split lines", content, f" at {number + 1}", number + 1)


def _rights(file: RenderedFile) -> Iterator[Broken]:
    if file.secret:
        yield _right(file, "world-readable secret", mode=0o644)
        if file.group != "root":
            yield _right(file, "unreadable for the daemon", group="root", mode=0o600)
    if file.path.startswith("tls/mail.key"):
        yield _right(file, "world-readable secret", mode=0o666)
        yield _right(file, "wrong owner", owner="nobody", mode=0o600)
    if file.path in ("postfix/main.cf", "postfix/master.cf", "dovecot/dovecot.conf"):
        yield _right(file, "writable for all", mode=0o666)


def _right(file: RenderedFile, way: str, owner: str = "", group: str = "", mode: int | None = None) -> Broken:
    edit = Edit(file.path, file.content, owner, group, mode)
    return Broken(f"{file.path}: {way} {owner}:{group} {mode}", way, (file.path,), edits=(edit,))
