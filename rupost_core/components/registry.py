"""The six components, in the order in which they are switched: what is asked comes before who asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rupost_core.components.dovecot import Dovecot
from rupost_core.components.haproxy import HAProxy
from rupost_core.components.memcached import Memcached
from rupost_core.components.model import Component
from rupost_core.components.nginx import Nginx
from rupost_core.components.postfix import Postfix
from rupost_core.components.sogo import SOGo
from rupost_core.components.versions import within
from rupost_core.host.commands import run

ALL: dict[str, Component] = {
    component.name: component for component in (Memcached(), Dovecot(), Postfix(), SOGo(), Nginx(), HAProxy())
}


def installed_versions() -> dict[str, str]:
    """Upstream version of each installed component, by Debian's package data: {"postfix": "3.7.11", …}."""
    packages = {component.package: name for name, component in ALL.items()}
    done = run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", *packages],
        timeout=10,
        check=False,
    )
    versions = {}
    for line in done.stdout.splitlines():
        package, version, status = line.split()
        if status == "installed":
            versions[packages[package]] = upstream(version)
    return versions


def upstream(debian_version: str) -> str:
    """`1:2.3.19.1+dfsg1-2.1+deb12u1` → `2.3.19.1`."""
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", debian_version)
    return match[1] if match else "0"


def unsupported(installed: Mapping[str, str], supports: Mapping[Any, str]) -> list[tuple[str, str, str]]:
    """(component, installed version or "", wanted range) of each that is missing or out of the range."""
    return [
        (name, installed.get(name, ""), wanted)
        for name, wanted in supports.items()
        if name not in installed or not within(installed[name], wanted)
    ]
