"""Which Debian packages a node is made of."""

import re

from lab.errors import LabError
from lab.layout import repository

RELEASE = "bookworm"
# The first, slow step brings only what apt needs (certificates, should a mirror be on https): without
# fsync after every file apt installs the rest several times faster than debootstrap does.
FIRST = ("ca-certificates",)
# Enough to boot a node and to speak to it.
BASE = ("systemd", "systemd-sysv", "dbus", "iproute2", "python3")
# Needed to test the product, never by it.
LAB_ONLY = (
    "postgresql",
    "slapd",
    "ldap-utils",
    "swaks",
    "libnet-ssleay-perl",  # without it swaks has no TLS
    "curl",
    "procps",
    "iputils-ping",
    "less",
    "strace",
    "rspamd",  # a real milter
    "python3-milter",  # for the scripted one
    "pebble",  # an ACME server (RFC 8555) to test against
)


def product() -> list[str]:
    """The product's own dependencies, from the list that its .deb is made with."""
    path = repository() / "packaging" / "depends"
    try:
        text = path.read_text()
    except OSError as absent:
        raise LabError(f"the list of the product's packages cannot be read: {absent}") from absent
    return names(text)


def names(text: str) -> list[str]:
    """Package names of a list of one dependency a line: no comments, versions or second choices."""
    found = []
    for line in text.splitlines():
        match = re.match(r"[a-z0-9][a-z0-9+.-]*", line.partition("#")[0].strip())
        if match and match[0] not in found:
            found.append(match[0])
    return found
