"""A port used twice on one node, and ports that RuPost keeps for itself (manual, appendix 2)."""

from __future__ import annotations

from collections.abc import Iterator

from rupost_core.configuration.lint.listeners import Listener, is_local
from rupost_core.configuration.lint.model import Finding, HostFacts, error
from rupost_core.configuration.lint.system import System
from rupost_core.i18n import translate as _

# Port → the only component that may listen there; "" for RuPost's own services.
RESERVED = {5000: "", 10000: "haproxy", 20025: "postfix", 32000: ""}


def findings(system: System, facts: HostFacts, listeners: list[Listener]) -> Iterator[Finding]:
    seen: list[Listener] = []
    for one in listeners:
        other = next((earlier for earlier in seen if _clash(one, earlier)), None)
        if other is not None:
            reason = _("port {port} is taken by {component} already ({file}, line {line})",
                       port=one.port, component=other.component, file=other.file, line=other.line)  # fmt: skip
            yield error("port_twice", one.component, one.file, one.line, reason)
            # Which of the two is the mistake is not for us to say.
            reason = _("port {port} is taken by {component} already ({file}, line {line})",
                       port=one.port, component=one.component, file=one.file, line=one.line)  # fmt: skip
            yield error("port_twice", other.component, other.file, other.line, reason)
        seen.append(one)
        if one.port in RESERVED and RESERVED[one.port] != one.component:
            reason = _("port {port} is kept for RuPost itself", port=one.port)
            yield error("port_reserved", one.component, one.file, one.line, reason)
        foreign = one.host and facts.addresses and not is_local(one.host, facts)
        if foreign and one.component != "haproxy":  # whose addresses haproxy.py judges
            reason = _("this node does not have the address {address}", address=one.host)
            yield error("foreign_address", one.component, one.file, one.line, reason)


def _clash(one: Listener, other: Listener) -> bool:
    if not one.overlaps(other):
        return False
    if one.component == other.component == "nginx":
        # Servers of http{} share a socket by their names; an address beside the wildcard is nginx's own business.
        return one.purpose != other.purpose or (one.purpose != "http" and one.host == other.host)
    return True
