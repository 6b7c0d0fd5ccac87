"""Taking a certificate that ACME has renewed from the database to the daemons and the panel of this node.

Only such a one: what an administrator adds waits for the administrator's own deployment. Nothing else is deployed
with it either: other changes that are waiting stay waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from rupost_core import settings
from rupost_core.access.desk import OfficeDesk
from rupost_core.certificates.expiry import in_use
from rupost_core.certificates.model import Certificate
from rupost_core.certificates.served import PANEL_PORT, chain_of, difference, fetch
from rupost_core.certificates.service import CertificateService
from rupost_core.configuration.drafting import Wish
from rupost_core.configuration.live import MAIL_CERTIFICATE, MAIL_KEY
from rupost_core.configuration.service import ConfigurationService
from rupost_core.configuration.uptake import Step
from rupost_core.errors import CheckFailed, RolledBack, RupostError
from rupost_core.host import units
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor, Role

LOOK_SECONDS = 30.0
_AFTER_REFUSAL_SECONDS, _AFTER_FAILURE_SECONDS = 3600.0, 300.0
_PANEL = "rupost.service"


class RenewedCertificates:
    """A Duty. `clock` counts seconds and never goes back."""

    name = "certificates"

    def __init__(self, actor: Actor, clock: Callable[[], float] = time.monotonic) -> None:
        # It deploys, which is an administrator's right; what it deploys an administrator has ordered.
        self._actor = replace(actor, role=Role.ADMINISTRATOR)
        self._clock = clock
        self._not_before: dict[str, float] = {}
        self._trouble = ""

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                self.look()
                self._trouble = ""
            except RupostError as error:
                if self._trouble != error.message:  # a database that is away for long is told of once
                    logging.warning("agent: %s: %s %s", self.name, error.title, error.message)
                self._trouble = error.message

    def look(self) -> None:
        """One look; raises RupostError, after which this certificate is left alone for a while."""
        desk = OfficeDesk(settings.load(), self._actor)
        try:
            for certificate in in_use(CertificateService(desk).certificates()):
                if certificate.source == "acme" and self._not_before.get(certificate.serial, 0.0) <= self._clock():
                    self._try(desk, certificate)
        finally:
            desk.close()

    def _try(self, desk: OfficeDesk, certificate: Certificate) -> None:
        try:
            self._take_up(desk, certificate)
        except RupostError as error:
            # Refused or taken back: it will be again. Else another deployment may have been on its way.
            refused = isinstance(error, CheckFailed | RolledBack)
            pause = _AFTER_REFUSAL_SECONDS if refused else _AFTER_FAILURE_SECONDS
            self._not_before[certificate.serial] = self._clock() + pause
            raise

    def _take_up(self, desk: OfficeDesk, certificate: Certificate) -> None:
        if certificate.kind == "mail":
            self._deploy(ConfigurationService(desk), certificate)
        elif _panel_serves_another(certificate):
            logging.info("agent: %s", _("the panel takes up the certificate “{name}”", name=certificate.name))
            units.act("reload", _PANEL)

    def _deploy(self, configuration: ConfigurationService, certificate: Certificate) -> None:
        live = configuration.live.certificate_pem()
        if not live or chain_of(live) == chain_of(certificate.chain_pem):
            return
        reason = _("the certificate “{name}”, issued by ACME", name=certificate.name)
        logging.info("agent: %s", _("deploying: {reason}", reason=reason))
        configuration.deploy(Wish(only=(MAIL_CERTIFICATE, MAIL_KEY)), reason, _log)


def _panel_serves_another(certificate: Certificate) -> bool:
    try:
        return bool(difference(fetch("127.0.0.1", PANEL_PORT), chain_of(certificate.chain_pem)))
    except OSError:
        return False  # it is not up, and will begin with the right one


def _log(step: Step) -> None:
    if step.outcome != "done":
        logging.warning("agent: %s %s: %s", step.name, step.subject, step.message or step.outcome)
