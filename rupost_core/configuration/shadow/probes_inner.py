"""What only the node itself can ask: HAProxy about its servers, memcached, Dovecot about real people."""

from __future__ import annotations

import csv
import socket
import time
from pathlib import Path

from rupost_core.configuration.shadow.daemons import sogo_environment
from rupost_core.configuration.shadow.probes import World
from rupost_core.configuration.shadow.talk import Late, Unexpected, until
from rupost_core.errors import CommandFailed
from rupost_core.host.commands import Finished, run
from rupost_core.i18n import translate as _

_TRIED = 2
_PREFERENCE = "SOGoLanguage"
_PASSED = ("L4OK", "L6OK", "L7OK", "")
_NOT_YET = "INI"
_STATISTICS = b"show stat -1 4 -1\n"  # every proxy, servers only


def haproxy_servers(world: World) -> None:
    """Each server has passed its first health check."""
    path = world.plan.expected.haproxy_socket
    if path:
        problem = until(world.plan.deadline, lambda: _failing_server(path))
        if problem:
            raise Unexpected(problem)


def memcached(world: World) -> None:
    if world.plan.expected.memcached[0]:
        with world.inner(world.plan.expected.memcached) as talk:
            talk.send("version\r\n")
            talk.expect(talk.line(), "VERSION")


def people_found(world: World) -> None:
    """Dovecot finds people of each directory that has mailboxes, with the staged filter, base and account.

    One of several will do: one alone may just have been locked.
    """
    for directory in dict.fromkeys(person.directory for person in world.plan.people):
        addresses = [person.address for person in world.plan.people if person.directory == directory]
        words = ["/usr/bin/doveadm", "-c", f"{world.plan.live}/dovecot/dovecot.conf", "auth", "lookup", *addresses]
        done = _run(world, words)
        if "passdb:" not in done.stdout:
            said = " ".join(done.output.split())[-200:]
            raise Unexpected(
                _("Dovecot finds none of {addresses}: {said}", addresses=", ".join(addresses), said=said)
            )


def people_found_by_sogo(world: World) -> None:
    """SOGo finds one of the people: for one whom it does not know it has no preferences, not even default ones."""
    for person in world.plan.people[:_TRIED]:
        words = ["/usr/sbin/runuser", "-u", "sogo", "--", "/usr/sbin/sogo-tool",
                 "user-preferences", "get", "defaults", person.address, _PREFERENCE]  # fmt: skip
        done = _run(world, words, sogo_environment(Path(world.plan.live)))
        if f"{_PREFERENCE}:" in done.stdout:
            return
    if world.plan.people:
        addresses = ", ".join(person.address for person in world.plan.people[:_TRIED])
        raise Unexpected(_("SOGo finds none of {addresses}", addresses=addresses))


def _run(world: World, words: list[str], environment: dict[str, str] | None = None) -> Finished:
    try:
        left = max(world.plan.deadline - time.monotonic(), 0.1)
        return run(words, timeout=left, check=False, environment=environment)
    except CommandFailed as error:
        raise Late from error


def _failing_server(path: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(2)
            admin.connect(path)
            admin.sendall(_STATISTICS)
            answer = b""
            while data := admin.recv(65536):
                answer += data
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    rows = csv.DictReader(answer.decode("utf-8", "replace").lstrip("# ").splitlines())
    for row in rows:
        status = row.get("check_status", "").lstrip("* ")
        if status not in _PASSED:
            told = "not checked yet" if status == _NOT_YET else f"{status} {row.get('last_chk', '')}".strip()
            return f"the server {row['pxname']}/{row['svname']} does not pass its check: {told}"
    return ""
