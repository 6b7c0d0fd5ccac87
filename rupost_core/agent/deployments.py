"""The agent's part in deployments.

It notices at once when a deployer has died, keeps the time of confirmations, takes back a generation that has stopped
serving, and tells the database what nobody else has told it. These are separate duties: neither a slow port nor a
database that does not answer may delay the way back.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from rupost_core import settings
from rupost_core.components import registry
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.node_host import NodeHost
from rupost_core.configuration.recovery import Recovery
from rupost_core.configuration.transition import Transition
from rupost_core.configuration.uptake import PROBE_SECONDS, Step, Uptake
from rupost_core.database.connect import connect
from rupost_core.errors import DatabaseError, DeploymentError
from rupost_core.host import clock
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor

LOOK_SECONDS = 0.1
_REPORT_SECONDS = 1.0
_HEALTH_SECONDS = 2.0
_DOUBT_SECONDS = 1.0
# What cannot serve without the database: the former generation could not do it either.
_NEEDS_DATABASE = frozenset({"443 SOGo", "sogo.service"})


def settle_link(live: LiveConfiguration) -> None:
    """Before the daemons start: the link alone. A deployer that lives, holding the lock, is left alone."""
    with contextlib.suppress(DeploymentError), live.lock(patience=0):
        _recovery(live).settle_link()


class Deployments:
    """Ends what was cut short or was not confirmed in time."""

    name = "deployments"

    def __init__(self, live: LiveConfiguration | None = None) -> None:
        self._live = live or LiveConfiguration()

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            transition = self._live.record.load()
            if transition is None or _waits(transition):
                continue
            # Whoever works on it holds the lock, until it has done its part or has died.
            with contextlib.suppress(DeploymentError), self._live.lock(patience=LOOK_SECONDS):
                ended = _recovery(self._live).run()
                if ended is not None:
                    _log_end(ended)


class Reports:
    """Tells the database what the command that deploys could not: how a deployment ended, until when one waits."""

    name = "reports"

    def __init__(self, actor: Actor, live: LiveConfiguration | None = None) -> None:
        self._actor = actor
        self._live = live or LiveConfiguration()
        self._told: Transition | None = None
        self._trouble = ""

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(_REPORT_SECONDS):
            waiting = self._live.record.load()
            if waiting is None or not _waits(waiting) or waiting == self._told:
                waiting = None
            if waiting is None and not self._live.record.outcomes():
                continue
            try:
                with self._live.lock(patience=0):
                    pass  # nobody is about to tell it himself
                self._tell(waiting)
                self._trouble = ""
            except DeploymentError:
                continue
            except DatabaseError as error:
                if self._trouble != error.code:
                    logging.warning("reports: %s %s", error.title, error.message)
                self._trouble = error.code

    def _tell(self, waiting: Transition | None) -> None:
        from rupost_core.access.desk import OfficeDesk
        from rupost_core.configuration.deployments import DeploymentService

        desk = OfficeDesk(settings.load(), self._actor)
        try:
            service = DeploymentService(desk, self._live)
            service.report_outcomes()
            if waiting is not None:
                service.report_waiting(waiting)
                self._told = waiting
        finally:
            desk.close()


class Health:
    """Watches a generation that waits for confirmation: what fails twice in a row takes it back at once."""

    name = "health"

    def __init__(self, live: LiveConfiguration | None = None) -> None:
        self._live = live or LiveConfiguration()

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS * 5):
            waiting = self._waiting()
            if waiting is not None:
                self._watch(waiting, stop)

    def _watch(self, waiting: Transition, stop: threading.Event) -> None:
        """Until `waiting` is over. The first look is patient: the node may be just booting."""
        uptake = Uptake(registry.ALL, NodeHost(settings.load().node_address), _log_step)
        patience, before = PROBE_SECONDS, dict[str, str]()
        while self._waiting() == waiting:
            silent = uptake.silent(min(patience, max(0.0, waiting.remaining(clock.now()))))
            if _NEEDS_DATABASE & silent.keys() and not _database_answers():
                silent = {subject: text for subject, text in silent.items() if subject not in _NEEDS_DATABASE}
            again = [text for subject, text in silent.items() if subject in before]
            if again:
                self._take_back(waiting, again[0])
                return
            before, patience = silent, 0.0
            if stop.wait(_DOUBT_SECONDS if silent else _HEALTH_SECONDS):
                return

    def _take_back(self, waiting: Transition, trouble: str) -> None:
        with contextlib.suppress(DeploymentError), self._live.lock():
            if self._waiting() == waiting:
                reason = _("stopped serving before it was confirmed: {trouble}", trouble=trouble)
                _log_end(_recovery(self._live).go_back(waiting, reason))

    def _waiting(self) -> Transition | None:
        found = self._live.record.load()
        return found if found is not None and found.phase == "waiting" else None


def _database_answers() -> bool:
    database = settings.load().database
    try:
        connect(database, database.name).close()
    except DatabaseError:
        return False
    return True


def _waits(transition: Transition) -> bool:
    return transition.phase == "waiting" and transition.remaining(clock.now()) > 0


def _recovery(live: LiveConfiguration) -> Recovery:
    return Recovery(live, registry.ALL, NodeHost(settings.load().node_address), _log_step)


def _log_step(step: Step) -> None:
    if step.outcome == "failed":
        logging.error("deployments: %s %s: %s", step.name, step.subject, step.message)
    else:
        logging.info("deployments: %s %s: %s, %.2f s", step.name, step.subject, step.outcome, step.seconds)


def _log_end(ended: Transition) -> None:
    logging.warning(
        "deployments: %s",
        _("generation {target}: {message}", target=ended.target, message=ended.message or ended.outcome),
    )
