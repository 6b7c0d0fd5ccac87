"""What is under way on this node: the lock, the record, confirmations, and what the database hears of it.

The node's own record (record.py) is the truth. The database is told as soon as it answers: by the command that
deploys, or by the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rupost_core.access.desk import OfficeDesk
from rupost_core.components import registry
from rupost_core.configuration import store
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import Deployment
from rupost_core.configuration.node_host import NodeHost
from rupost_core.configuration.recovery import Recovery
from rupost_core.configuration.transition import Transition
from rupost_core.configuration.uptake import Report, Step
from rupost_core.errors import AccessDenied, DatabaseError, DatabaseUnreachable, DeploymentError, NotFound
from rupost_core.host import clock
from rupost_core.host.commands import is_root
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.quantity import shown_duration


@dataclass(frozen=True)
class Status:
    """The generation that is live (0: none), and the deployment that is under way or waits, as far as there is one.

    `remaining_seconds` and `confirm_until` are set while it waits. `last` is this node's last deployment in the
    history; None when there was none, and also when the database does not answer, which `database_trouble` tells.
    """

    live: int
    transition: Transition | None
    remaining_seconds: float | None
    confirm_until: datetime | None
    last: Deployment | None
    database_trouble: str = ""


class DeploymentService(Service):
    desk: OfficeDesk

    def __init__(self, desk: OfficeDesk, live: LiveConfiguration | None = None) -> None:
        super().__init__(desk)
        self.live = live or LiveConfiguration()

    def confirm(self) -> Transition:
        """Keeps the generation that waits for it; works without the database, which the agent tells later.

        Raises NotFound when nothing waits, DeploymentError when it was too late.
        """
        with self.turn(_ignore) as recovered:
            waiting = self.live.record.load()
            if waiting is None and recovered is not None:
                raise DeploymentError(
                    _("Generation {number}: {reason}.", number=recovered.target, reason=recovered.message),
                    hint=_("Generation {former} is live again.", former=self.live.current()),
                )
            if waiting is None:
                raise NotFound(_("Nothing waits for confirmation."), hint=_("See rupost config status."))
            self._announce(lambda: self._note_confirmation(waiting))
            ended = waiting.ended("done", confirmed_by=self.desk.actor.login)
            self.live.record.end(ended)
            self.live.prune()
            self.report_if_possible()
            return ended

    def status(self) -> Status:
        """What is live and what is under way on this node; also without the database."""
        transition, live = self.live.record.load(), self.live.current()
        waits = transition is not None and transition.phase == "waiting"
        last, trouble = None, ""
        try:
            last = self._last()
        except DatabaseError as error:
            trouble = error.message
        return Status(
            live,
            transition,
            max(0.0, transition.remaining(clock.now())) if transition and waits else None,
            unix_time(transition.confirm_until) if transition and waits else None,
            last,
            trouble,
        )

    def report_outcomes(self) -> None:
        """Tells the database how deployments ended that it has not heard of; raises DatabaseError."""
        with self.live.record.reporting():
            for ended in self.live.record.outcomes():
                self._conclude(ended)
                self.live.record.forget(ended)

    def report_waiting(self, waiting: Transition) -> None:
        """Tells the database until when a generation waits; raises DatabaseError."""
        with self.desk.transaction() as connection:
            store.await_confirmation(connection, waiting.deployment, waiting.confirm_until or 0.0)

    @operation("config.deploy", Role.ADMINISTRATOR)
    def begin(
        self, work: Work, transition: Transition, skipped_walls: frozenset[str], *, discard_drift: bool = False
    ) -> Transition:
        """Notes that this node is on its way: in its own record first, so that no note in the history is orphaned."""
        node, number = self.desk.settings.node_name, transition.target
        transition = replace(transition, deployment=store.next_deployment(work.connection))
        self.live.record.save(transition)
        work.record(
            f"generation:{number}",
            before={"live": transition.former},
            after={
                "node": node,
                "skipped_walls": sorted(skipped_walls),
                "confirm_within": transition.confirm_within,
                "discard_drift": discard_drift,
            },
        )
        store.start_deployment(work.connection, transition.deployment, number, node, transition.author)
        return transition

    @operation("config.conclude", Role.OPERATOR)
    def _conclude(self, work: Work, ended: Transition) -> None:
        """Notes how a deployment ended."""
        store.finish_deployment(work.connection, ended.deployment, ended.outcome, ended.message, ended.confirmed_by)
        after = {"outcome": ended.outcome, "message": ended.message}
        if ended.confirmed_by:
            after["confirmed_by"] = ended.confirmed_by
        work.record(f"generation:{ended.target}", after=after)

    @operation("config.confirm", Role.ADMINISTRATOR)
    def _note_confirmation(self, work: Work, waiting: Transition) -> None:
        """Notes who keeps a generation that waits for confirmation."""
        work.record(f"generation:{waiting.target}", before={"former": waiting.former}, after={"confirmed": True})

    @operation("config.revert", Role.ADMINISTRATOR)
    def _note_return(self, work: Work, waiting: Transition) -> None:
        """Notes who takes a generation back that waits for confirmation."""
        work.record(f"generation:{waiting.target}", after={"live": waiting.former})

    @operation("config.status", Role.VIEWER, reads=True)
    def _last(self, work: Work) -> Deployment | None:
        """Shows this node's last deployment."""
        return store.last_deployment(work.connection, self.desk.settings.node_name)

    @contextmanager
    def turn(self, report: Report) -> Iterator[Transition | None]:
        """The node's lock, with all that was cut short put right; gives the deployment that this has ended."""
        self._must_be_root()
        with self.live.lock():
            recovered = self._recovery(report).run()
            self.report_if_possible()
            yield recovered

    def _recovery(self, report: Report) -> Recovery:
        return Recovery(self.live, registry.ALL, NodeHost(self.desk.settings.node_address), report)

    def return_at_once(self, waiting: Transition, report: Report) -> None:
        """Takes a generation that waits back, within `turn`. Nothing is examined: the former one has just served."""
        self._announce(lambda: self._note_return(waiting))
        ended = self._recovery(report).go_back(waiting, _("taken back by {login}", login=self.desk.actor.login))
        self.report_if_possible()
        if ended.outcome != "rolled_back":
            raise DeploymentError(ended.message, details=list(ended.details))

    def refuse_while_waiting(self) -> None:
        """Raises DeploymentError while a generation waits; within `turn` nothing else can be in the way."""
        waiting = self.live.record.load()
        if waiting is None:
            return
        raise DeploymentError(
            _("Generation {number} waits for confirmation for another {duration}.",
              number=waiting.target, duration=shown_duration(max(1, round(waiting.remaining(clock.now()))))),
            hint=_("Keep it with rupost config confirm, or take it back with rupost config rollback {former}.",
                   former=waiting.former),
        )  # fmt: skip

    def _announce(self, note: Callable[[], None]) -> None:
        """Journals what an administrator does to a generation that waits, if the database answers."""
        try:
            note()
        except DatabaseUnreachable:
            if self.desk.actor.role < Role.ADMINISTRATOR:
                raise AccessDenied(_("This needs an administrator while the database is away.")) from None

    def report_if_possible(self) -> None:
        """What the database does not hear now it hears from the agent."""
        with suppress(DatabaseError, DeploymentError):
            self.report_outcomes()
            waiting = self.live.record.load()
            if waiting and waiting.phase == "waiting":
                self.report_waiting(waiting)

    def _must_be_root(self) -> None:
        if not is_root():
            raise DeploymentError(_("Only root can deploy on this node."), hint=_("Use sudo."))


def unix_time(unix: float | None) -> datetime | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC)


def _ignore(_step: Step) -> None:
    """A confirmation tells nothing of what it may have to put right first."""
