"""Planning a shadow start out of the rendered files: a pure function."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.shadow import endpoints
from rupost_core.configuration.shadow.model import Expected, Person, Relay, ShadowPlan

_QUEUE = "/var/spool/postfix"
_DATA = "/var/lib/postfix"
# State of the live side: what a daemon of the shadow must neither see nor change.
_COVERED = (
    "/run",
    "/tmp",  # noqa: S108 - covered, not used
    "/var/tmp",  # noqa: S108
    "/var/log",
    "/var/mail",
    "/var/spool/mail",
    "/var/spool/sogo",
    "/var/lib/postgresql",
    "/var/lib/ldap",
    "/var/lib/rspamd",
    "/srv",
)
_TITLE = "SOGoPageTitle"
_ADMIN_SOCKET = re.compile(r"^\s*stats\s+socket\s+(?:unix@)?(/\S+)[^\n]*\blevel\s+admin", re.MULTILINE)
_PASSDB = re.compile(r"^\s*passdb\b", re.MULTILINE)
_CERTIFICATE = "tls/mail.crt"
_FOR_GATEWAY = re.compile(r"^port25_client_restrictions\s*=.*\breject$", re.MULTILINE)


def plan(
    files: Sequence[RenderedFile],
    *,
    live: str,
    staged: str,
    node: tuple[str, str],
    own_addresses: frozenset[str],
    reached: Mapping[tuple[str, int], str],
    people: Sequence[Person],
    domains: Sequence[str],
    deadline: float,
    measure: bool = False,
) -> ShadowPlan:
    """`node` is (name, address). `people` are real mailboxes, `domains` real domains; both may be empty.

    `reached` tells by which IP address each (host, port) of the outside services was reached.
    """
    queue = postfix_value(files, "queue_directory", _QUEUE)
    return ShadowPlan(
        live=live,
        staged=staged,
        node_name=node[0],
        node_address=node[1],
        components=tuple(dict.fromkeys(file.component for file in files)),
        covered=_covered(files, queue, people),
        queue=queue,
        addresses=tuple(sorted(own_addresses | {node[1]})),
        relays=tuple(Relay(host, address, port) for (host, port), address in reached.items()),
        sockets=endpoints.called_sockets(files, queue),
        targets=endpoints.local_targets(files, own_addresses),
        expected=_expected(files, own_addresses),
        domain=domains[0] if domains else "",
        people=tuple(people),
        deadline=deadline,
        measure=measure,
    )


def postfix_value(files: Sequence[RenderedFile], name: str, default: str) -> str:
    """The last setting of a parameter in main.cf, when it is a plain value."""
    for file in files:
        if file.path == "postfix/main.cf":
            values = re.findall(rf"^{name}\s*=\s*(\S+)\s*$", file.content, re.MULTILINE)
            if values and "$" not in values[-1]:
                return str(values[-1])
    return default


def _covered(files: Sequence[RenderedFile], queue: str, people: Sequence[Person]) -> tuple[str, ...]:
    """Outermost folders first, none of them below another."""
    homes = {person.home.rpartition("/")[0] for person in people}
    wanted = {*_COVERED, queue, postfix_value(files, "data_directory", _DATA), *homes} - {"", "/"}
    kept: list[str] = []
    for folder in sorted(wanted):
        if not any(folder.startswith(f"{outer}/") for outer in kept):
            kept.append(folder)
    return tuple(kept)


def _expected(files: Sequence[RenderedFile], own: frozenset[str]) -> Expected:
    paths = {file.path for file in files}
    by_path = {file.path: file.content for file in files}
    socket = _ADMIN_SOCKET.search(by_path.get("haproxy/haproxy.cfg", ""))

    def on_this_node(name: str, port: int) -> tuple[str, int]:
        address, given = endpoints.split_service(endpoints.sogo_value(files, name), port)
        return (address, given) if address and endpoints.is_local(address, own) else ("", 0)

    return Expected(
        page_title=_unquoted(endpoints.sogo_value(files, _TITLE)),
        certificate_file=_CERTIFICATE if _CERTIFICATE in paths else "",
        autoconfiguration="nginx/config-v1.1.xml" in paths,
        autodiscover="nginx/autodiscover.xml" in paths,
        memcached=endpoints.memcached(files),
        submission=on_this_node("SOGoSMTPServer", 25),
        imap=on_this_node("SOGoIMAPServer", 143),
        sieve=on_this_node("SOGoSieveServer", 4190),
        haproxy_socket=socket[1] if socket else "",
        passdbs=len(_PASSDB.findall(by_path.get("dovecot/dovecot.conf", ""))),
        content_filter=bool(postfix_value(files, "content_filter", "")),
        strangers_refused=any(_FOR_GATEWAY.search(file.content) for file in files if file.path == "postfix/main.cf"),
    )


def _unquoted(text: str) -> str:
    r"""A title as the page shows it, as far as it is plain: with an escape (`\U0410`) it is not compared."""
    return "" if "\\" in text else text
