"""Whether the panel on this node answers over TLS, with the very certificate that the database holds for it."""

from __future__ import annotations

import http.client
import json
import ssl
import time

from rupost_core.errors import CommandFailed
from rupost_core.host.units import last_log_lines
from rupost_core.i18n import translate as _
from rupost_core.text import printable

_ASK_SECONDS = 4.0
_PAUSE_SECONDS = 0.2
_UNIT = "rupost.service"


def wait_for_panel(chain_pem: str, port: int, seconds: float, host: str = "127.0.0.1") -> None:
    """Returns when it answers; after so many seconds raises CommandFailed with the unit's last log lines."""
    deadline = time.monotonic() + seconds
    while True:
        reason = ask(chain_pem, port, host)
        if not reason:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(_PAUSE_SECONDS)
    raise CommandFailed(
        _("The panel does not answer on port {port}: {reason}", port=port, reason=reason),
        hint=_("See journalctl -u rupost, put it right and run the wizard again."),
        details=last_log_lines(_UNIT),
    )


def ask(chain_pem: str, port: int, host: str = "127.0.0.1") -> str:
    """Why the panel is not healthy; empty when it is. Its certificate must be the first of `chain_pem`, exactly."""
    context = ssl.create_default_context()
    # A self-signed certificate and a corporate one are told by the same means: it must be exactly ours.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=_ASK_SECONDS, context=context)
    try:
        connection.connect()
        if connection.sock.getpeercert(binary_form=True) != _first_certificate(chain_pem):
            return _("another certificate is served there, so another program may hold the port")
        connection.request("GET", "/health")
        answer = connection.getresponse()
        body = answer.read(10_000)
    except (OSError, http.client.HTTPException) as error:
        return printable(error)
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return _("HTTP {status}: {body}", status=answer.status, body=printable(body.decode("utf-8", "replace"), 200))
    try:
        return "" if json.loads(body)["status"] == "ok" else printable(body.decode(), 200)
    except (ValueError, KeyError, TypeError):
        return _("it is not RuPost that answers there")


def _first_certificate(chain_pem: str) -> bytes:
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(chain_pem[: chain_pem.index(end) + len(end)] + "\n")
