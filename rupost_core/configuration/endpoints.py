"""Host names, `host:port` and plain paths, as parameters hold them; each reader raises ValueError with the reason."""

from __future__ import annotations

import ipaddress
import re

from rupost_core.i18n import translate as _

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_.-]+)+")


def is_hostname(text: str) -> bool:
    """A DNS host name (RFC 1123) of at least two labels."""
    labels = text.split(".")
    return len(text) <= 253 and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)


def read_endpoint(raw: object) -> str:
    """`host:port`, the host a name or an IPv4 address."""
    host, _colon, port = str(raw).rpartition(":")
    if not host or not re.fullmatch("[0-9]{1,9}", port) or not 0 < int(port) < 65536:
        raise ValueError(_("“{raw}” is not host:port", raw=raw))
    if not (is_hostname(host) or _LABEL.fullmatch(host) or _is_ipv4(host)):
        raise ValueError(_("“{host}” is neither a host name nor an IPv4 address", host=host))
    return f"{host.lower()}:{int(port)}"


def read_path(raw: object) -> str:
    """An absolute path without anything that a configuration language could take for its own."""
    text = str(raw)
    if not _PATH.fullmatch(text) or "/../" in f"{text}/" or "/./" in f"{text}/":
        raise ValueError(_("“{raw}” is not an absolute path of plain letters, digits, “_”, “-”, “.”", raw=raw))
    return text


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
