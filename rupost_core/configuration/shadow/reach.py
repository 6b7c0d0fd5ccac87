"""Which outside services answer, before a shadow is asked about them."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from rupost_core.components.model import Problem
from rupost_core.configuration.shadow.model import Outside
from rupost_core.i18n import translate as _

_SECONDS = 1.5


def reach(services: Iterable[Outside]) -> tuple[dict[tuple[str, int], str], list[Problem]]:
    """The IP address by which each target answered; and a problem for each needed service of which none does."""
    listed = list(services)
    targets = list(dict.fromkeys(target for service in listed for target in service.targets))
    with ThreadPoolExecutor(max(len(targets), 1)) as pool:
        answers = dict(zip(targets, pool.map(_address_of, targets), strict=True))
    problems = []
    for service in listed:
        if service.needed and not any(answers[target][0] for target in service.targets):
            said = "; ".join(f"{host}:{port}: {answers[host, port][1]}" for host, port in service.targets)
            reason = _("the outside service does not answer, so the configuration cannot be tried: {said}", said=said)
            problems.append(Problem(service.name, "", None, reason))
    return {target: address for target, (address, _error) in answers.items() if address}, problems


def _address_of(target: tuple[str, int]) -> tuple[str, str]:
    """(IP address, "") when somebody answers there, else ("", why not)."""
    try:
        with socket.create_connection(target, _SECONDS) as connection:
            return str(connection.getpeername()[0]), ""
    except OSError as error:
        return "", str(error.strerror or error)
