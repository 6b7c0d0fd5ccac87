"""How this node is called and at which address others reach it, as far as the machine itself can tell."""

from __future__ import annotations

import json
import socket
from ipaddress import ip_address

from rupost_core.errors import CommandFailed
from rupost_core.host.commands import run

# Addresses of the documentation ranges (RFC 5737, RFC 3849): no packet is sent, only the route is asked for.
_ANYWHERE = ("192.0.2.1", "2001:db8::1")
_NAME_SECONDS = 3.0


def short_name() -> str:
    """The host name up to the first dot."""
    return socket.gethostname().split(".")[0]


def full_name() -> str:
    """The fully qualified host name; the bare host name when DNS does not answer in 3 s or knows no better."""
    try:
        named = run(["hostname", "-f"], timeout=_NAME_SECONDS, check=False).stdout.strip()
    except CommandFailed:
        named = ""
    return named if named and not named.startswith("localhost") else socket.gethostname()


def address_towards(hosts: list[str]) -> str:
    """The address that the route to the first host takes, else the default route's, else the first global IPv4.

    Loopback addresses are not taken; an empty text when the machine has no other. Names are looked up in
    /etc/hosts and DNS.
    """
    for host in (*hosts, *_ANYWHERE):
        address = _source_address(_resolved(host))
        if address and not ip_address(address).is_loopback:
            return address
    return _first_global()


def _resolved(host: str) -> str:
    """The host's first IP address, empty when none is found in 3 s (getaddrinfo itself knows no time limit)."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        found = run(["getent", "ahosts", host], timeout=_NAME_SECONDS, check=False).stdout.split()
    except CommandFailed:
        return ""
    return found[0] if found else ""


def _source_address(target: str) -> str:
    if not target:
        return ""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 53))
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""


def _first_global() -> str:
    try:
        links = json.loads(run(["ip", "-j", "-4", "addr", "show", "scope", "global"], timeout=5).stdout or "[]")
    except (CommandFailed, json.JSONDecodeError):
        return ""
    for link in links:
        for address in link.get("addr_info", []):
            if "local" in address:
                return str(address["local"])
    return ""
