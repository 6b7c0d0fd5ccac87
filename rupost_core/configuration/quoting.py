"""One quoting function for each configuration language that a template writes.

Each takes a value and returns it as that language reads it back unchanged, as `Quoted`; rendering refuses any value
that did not pass through one of them (render.py). What a language has no way to express is refused with ValueError:
control characters everywhere, `$` in nginx, whose variables cannot be escaped.

Sources: postconf(5), pgsql_table(5), Dovecot 2.3 lib-settings/settings-parser, nginx ngx_conf_file.c, HAProxy
configuration manual 2.2 "Quoting and escaping", NSPropertyList (OpenStep form), RFC 4515, RFC 3986, PostgreSQL
libpq "Connection Strings", XML 1.0.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote as _percent_encode
from xml.sax.saxutils import escape as _xml_escape

from rupost_core.configuration.milter import parse_milter
from rupost_core.directory.names import escape_filter
from rupost_core.i18n import translate as _

Value = str | int
_NGINX_MOST_BYTES = 2000  # it reads by blocks of 4096 bytes, and a word must fit into one with its escapes


class Quoted(str):
    """A text that is ready to stand in a configuration file."""

    __slots__ = ()


def _plain(value: Value) -> str:
    """The value as text; raises ValueError for control characters, which no language below can carry."""
    text = str(value)
    for position, character in enumerate(text):
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise ValueError(
                _("control character U+{code:04X} at position {position}",
                  code=ord(character), position=position + 1)
            )  # fmt: skip
    return text


def postfix(value: Value) -> Quoted:
    """A value in main.cf: `$` starts a macro and is doubled; spaces at the ends would be lost."""
    return Quoted(_unpadded(_plain(value)).replace("$", "$$"))


def postfix_map(value: Value) -> Quoted:
    """A value in a pgsql: or ldap: map file, which has main.cf's form without its macros."""
    return Quoted(_unpadded(_plain(value)))


def postfix_milter(value: Value) -> Quoted:
    """A filter (milter.py) as an element of smtpd_milters or non_smtpd_milters, with settings of its own."""
    one = parse_milter(_plain(value))
    return Quoted(
        f"{{ {one.socket}, default_action={one.down}, connect_timeout={one.connect}s,"
        f" command_timeout={one.command}s, content_timeout={one.content}s, protocol={one.protocol} }}"
    )


def dovecot(value: Value) -> Quoted:
    """A double-quoted value in dovecot.conf and its .ext files."""
    return Quoted('"' + re.sub(r'(["\\])', r"\\\1", _plain(value)) + '"')


def dovecot_variable(value: Value) -> Quoted:
    """The same where Dovecot also expands `%` variables, which are doubled."""
    return dovecot(_plain(value).replace("%", "%%"))


def nginx(value: Value) -> Quoted:
    """A double-quoted nginx argument. `$` cannot be escaped in nginx and is refused."""
    text = _plain(value)
    if len(text.encode()) > _NGINX_MOST_BYTES:
        raise ValueError(_("longer than the {limit} bytes that nginx reads", limit=_NGINX_MOST_BYTES))
    if "$" in text:
        raise ValueError(_("“$” cannot be written in an nginx configuration"))
    return Quoted('"' + re.sub(r'(["\\])', r"\\\1", text) + '"')


def haproxy(value: Value) -> Quoted:
    """A double-quoted HAProxy word."""
    return Quoted('"' + re.sub(r'(["\\$])', r"\\\1", _plain(value)) + '"')


def plist(value: Value) -> Quoted:
    """A string of an OpenStep property list (sogo.conf)."""
    return Quoted('"' + re.sub(r'(["\\])', r"\\\1", _plain(value)) + '"')


def ldap_filter(value: Value) -> Quoted:
    """An assertion value in an LDAP filter (RFC 4515 section 3)."""
    return Quoted(escape_filter(_plain(value)))


def sql(value: Value) -> Quoted:
    """A literal in SQL with standard_conforming_strings on."""
    return Quoted("'" + _plain(value).replace("'", "''") + "'")


def conninfo(value: Value) -> Quoted:
    """A value in a libpq keyword/value connection string."""
    return Quoted("'" + re.sub(r"(['\\])", r"\\\1", _plain(value)) + "'")


def dovecot_conninfo(value: Value) -> Quoted:
    """A value in the `connect` of Dovecot's SQL driver.

    Dovecot divides the whole text at blanks before libpq sees it, whatever is quoted: it takes words such as
    `host=…` out of the middle of a password, and makes one blank of two.
    """
    text = _plain(value)
    if "  " in text or re.search(r" (?:host|hostaddr|maxconns)(?:=|$| )", text):
        raise ValueError(_("two blanks in a row, or “ host=”, cannot be written there"))
    return conninfo(text)


def url(value: Value) -> Quoted:
    """A component of a URL: everything but RFC 3986's unreserved characters is percent-encoded."""
    return Quoted(_percent_encode(_plain(value), safe=""))


def xml(value: Value) -> Quoted:
    """Character data or a double-quoted attribute of XML, which knows no U+FFFE and U+FFFF."""
    if re.search("[\ufffe\uffff]", str(value)):
        raise ValueError(_("“{text}” cannot be written in XML", text=value))
    return Quoted(_xml_escape(_plain(value), {'"': "&quot;"}))


_WORD = re.compile(r"[A-Za-z0-9._:/@+\[\]-]+")


def word(value: Value) -> Quoted:
    """A bare word that means the same in every language here: letters, digits and `._:/@+[]-`."""
    text = _plain(value)
    if not _WORD.fullmatch(text):
        raise ValueError(_("“{text}” is not a plain word", text=text))
    return Quoted(text)


_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")


def host(value: Value) -> Quoted:
    """A host where a port follows it: a name, an IPv4 address, or an IPv6 address in brackets (RFC 3986)."""
    text = _plain(value)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if not _HOST.fullmatch(text):
            raise ValueError(_("“{text}” is neither a host name nor an address", text=text)) from None
        return Quoted(text)
    return Quoted(f"[{text}]" if address.version == 6 else text)


def lines(value: str) -> Quoted:
    """Several lines that the administrator wrote in the file's own language, taken as they are."""
    for line in value.splitlines():
        _plain(line.replace("\t", " "))
    return Quoted(value)


_PEM = re.compile(r"(?:-----BEGIN [A-Z0-9 ]+-----\n(?:[A-Za-z0-9+/=]+\n)+-----END [A-Z0-9 ]+-----\n?)*")


def pem(value: str) -> Quoted:
    """One or more PEM blocks (RFC 7468)."""
    if not _PEM.fullmatch(value):
        raise ValueError(_("not in PEM form"))
    return Quoted(value)


def _unpadded(text: str) -> str:
    if text != text.strip():
        raise ValueError(_("spaces at the beginning or the end cannot be written there"))
    return text


FILTERS: dict[str, Callable[..., Quoted]] = {
    function.__name__: function
    for function in (
        postfix, postfix_map, postfix_milter, dovecot, dovecot_variable, nginx, haproxy, plist, ldap_filter, sql,
        conninfo, dovecot_conninfo, url, xml, word, host, lines, pem,
    )
}  # fmt: skip
