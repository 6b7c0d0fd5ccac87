"""What a shadow is asked. A probe returns when all is as it should be, and raises Unexpected otherwise.

The probes come from addresses of their own, through HAProxy, as clients do. Nobody's password is known here, and a
wrong one for a real person could lock that person's account in the directory: sign-in is asked with names that nobody
has. That still makes the service account bind and search.
"""

from __future__ import annotations

import re
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rupost_core.configuration.shadow.logs import Log
from rupost_core.configuration.shadow.model import ShadowPlan, client_address
from rupost_core.configuration.shadow.talk import Talk, Unexpected
from rupost_core.i18n import translate as _

# RFC 2606: nobody's.
FOREIGN_SENDER = "probe@example.org"
FOREIGN_RECIPIENT = "probe@example.com"
_CERTIFICATE_LINE = r"^\s*(?:ssl_certificate|ssl_cert|smtpd_tls_cert_file|smtpd_tls_chain_files|bind .*\bcrt)\b"
_NO_DOMAIN = "example.net"


class World:
    """What probes share."""

    def __init__(self, plan: ShadowPlan, log: Log) -> None:
        self.plan = plan
        self.log = log
        self.token = secrets.token_hex(8)
        self._clients = 0

    def connect(self, port: int, *, tls: bool = False) -> Talk:
        """A connection to a public port from an address that no other probe has used."""
        self._clients += 1
        return Talk(self.plan.node_address, port, self.plan.deadline, source=client_address(self._clients), tls=tls)

    def bringing(self) -> Talk:
        """A connection to port 25 of somebody who may bring letters: a stranger, or else the node itself."""
        if self.plan.expected.strangers_refused:
            return Talk(self.plan.node_address, 25, self.plan.deadline, source=self.plan.node_address)
        return self.connect(25)

    def inner(self, address: tuple[str, int]) -> Talk:
        """A connection as one of this node's own programs makes it."""
        return Talk(*address, self.plan.deadline)

    def nobody(self, purpose: str) -> str:
        """An address in the cluster's own domain that nobody has."""
        return f"rupost-shadow-{purpose}-{self.token}@{self.plan.domain or _NO_DOMAIN}"

    def check_certificate(self, talk: Talk) -> None:
        """What is served is the staged generation's certificate."""
        name = self.plan.expected.certificate_file
        if name:
            pem = Path(self.plan.live, name).read_text(encoding="ascii")
            first = pem[: pem.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
            if talk.certificate() != ssl.PEM_cert_to_DER_cert(first[first.index("-----BEGIN") :]):
                clue = _CERTIFICATE_LINE + rf"(?!.*{re.escape(name)})"
                raise Unexpected(_("serves another certificate than {name}", name=name), clue=clue)


@dataclass(frozen=True)
class Probe:
    """`title` is shown to people (a message id).

    `suspects` are the components on its way, the likeliest culprit first; `patterns` find the likeliest line in the
    culprit's files.
    """

    title: str
    ask: Callable[[World], None]
    suspects: tuple[str, ...]
    patterns: tuple[str, ...] = ()
