"""The loop of `rupost internal scheduler`: to order certificates anew by ACME, and to warn of those that expire.

One node of the cluster does the job, the one that holds the lock; a database that is away is waited for.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rupost_core import settings
from rupost_core.certificates.acme_service import AcmeService
from rupost_core.certificates.expiry import WARN_DAYS, expiring
from rupost_core.certificates.model import Certificate
from rupost_core.core import Core
from rupost_core.database.leader import Lead
from rupost_core.errors import CertificateError, RupostError
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor

JOB_SECONDS = 6 * 3600.0
LOOK_SECONDS = 30.0
_LOCK = 0x72757073  # "rups" in ASCII: the scheduler's


class Scheduler:
    """`turn` is one look at what is due; `clock` counts seconds and never goes back."""

    def __init__(self, core: Core, clock: Callable[[], float] = time.monotonic) -> None:
        self._core = core
        self._lead = Lead(core.settings.database, _LOCK)
        self._clock = clock
        self._due = 0.0
        self._leads = False
        self._trouble = ""

    def turn(self) -> None:
        """Never raises for a database that is away: it says so once, and once more when it is back."""
        try:
            self._lead_and_work()
        except RupostError as error:
            if self._trouble != error.code:
                logging.warning("scheduler: %s %s", error.title, error.message)
            self._trouble, self._leads = error.code, False
            self._lead.release()
            return
        if self._trouble:
            logging.info("scheduler: %s", _("the database answers again"))
            self._trouble = ""

    def close(self) -> None:
        self._lead.release()
        self._core.close()

    def _lead_and_work(self) -> None:
        leads = self._lead.hold()
        if leads and not self._leads:
            logging.info("scheduler: %s", _("this node does the cluster's jobs"))
            self._due = self._clock()
        self._leads = leads
        if leads:
            renew_due(self._core.acme)
        if leads and self._clock() >= self._due:
            report_expiring(self._core.certificates.certificates(), datetime.now(UTC))
            self._due = self._clock() + JOB_SECONDS


def renew_due(acme: AcmeService) -> None:
    """Orders anew what is due. An authority that refuses is asked again later (renewal.py)."""
    for name in acme.due(datetime.now(UTC)):
        try:
            renewed = acme.renew(name)
        except CertificateError as error:
            logging.warning(_("certificate “{name}” could not be renewed: {reason}", name=name, reason=error.message))
        else:
            logging.info(
                _("certificate “{name}” is renewed, valid until {date:%Y-%m-%d %H:%M} UTC",
                  name=name, date=renewed.not_after)
            )  # fmt: skip


def report_expiring(certificates: list[Certificate], now: datetime) -> None:
    """A warning for each certificate in use that expires soon, or one line that there is none."""
    soon = expiring(certificates, now)
    for one in soon:
        logging.warning(
            _("certificate “{name}” ({kind}) expires on {date:%Y-%m-%d}, in {days} days: "
              "add a new one with rupost cert add",
              name=one.certificate.name, kind=one.certificate.kind, date=one.certificate.not_after, days=one.days)
        )  # fmt: skip
    if not soon:
        logging.info(_("certificates in use: none expires within {days} days", days=WARN_DAYS))


def run(actor: Actor) -> None:
    """Until SIGTERM or SIGINT. A call to the database that hangs does not hold the end up: it is in a thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    scheduler = Scheduler(Core(settings.load(), actor, pool_size=2))

    def loop() -> None:
        while not stop.is_set():
            try:
                scheduler.turn()
            except Exception:
                logging.exception("scheduler")
                failed.set()
                stop.set()
            stop.wait(LOOK_SECONDS)

    failed = threading.Event()
    worker = threading.Thread(target=loop, name="scheduler", daemon=True)
    worker.start()
    logging.info("scheduler: %s", _("started"))
    stop.wait()
    worker.join(0.5)
    logging.info("scheduler: %s", _("stopped"))
    if failed.is_set():
        raise SystemExit(1)
