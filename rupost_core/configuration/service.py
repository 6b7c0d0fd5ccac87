"""Operations on the configuration: plan, deploy, history, show, diff, rollback; and the template library."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from rupost_core.access.desk import OfficeDesk
from rupost_core.components import registry
from rupost_core.components.model import Problem
from rupost_core.configuration import store
from rupost_core.configuration.deploy import NodeDeployment
from rupost_core.configuration.deployments import DeploymentService, unix_time
from rupost_core.configuration.drafting import Drafting, Wish
from rupost_core.configuration.drift_guard import DriftGuard
from rupost_core.configuration.events import EventLog
from rupost_core.configuration.library import Template, builtin_templates
from rupost_core.configuration.lint import HostFacts
from rupost_core.configuration.lint_wall import Lint
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.live_folder import LiveFolder
from rupost_core.configuration.model import Deployment, Generation, RenderedFile
from rupost_core.configuration.node_host import NodeHost
from rupost_core.configuration.parameters import as_data, readable, shown
from rupost_core.configuration.plan import ComponentChange, FileChange, Plan, compare
from rupost_core.configuration.shadow.model import Person
from rupost_core.configuration.shadow.wall import Inhabitants, Shadow
from rupost_core.configuration.transition import LEAST_WINDOW_SECONDS, MOST_WINDOW_SECONDS, Transition
from rupost_core.configuration.uptake import Report, Step
from rupost_core.configuration.walls import Checkers, WallName
from rupost_core.database.reader import cursor_of
from rupost_core.errors import DatabaseError, InputError
from rupost_core.host import clock
from rupost_core.i18n import translate as _
from rupost_core.mail import reading as mail
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.quantity import shown_duration

# Of each directory, whom a shadow start looks up: one alone may just have been locked.
_TRIED_PEOPLE = 5


@dataclass(frozen=True)
class Manner:
    """How to deploy. `skip` names the walls to leave out; `force` deploys and restarts even without a change.

    `discard_drift` sets aside what was changed by hand, which else refuses the deployment.

    With `confirm_within` (seconds) the former generation returns by itself unless `confirm` comes in time, or as soon
    as something that served has stopped serving.
    """

    force: bool = False
    skip: frozenset[WallName] = frozenset()
    confirm_within: int | None = None
    discard_drift: bool = False


AS_USUAL = Manner()


@dataclass(frozen=True)
class Outcome:
    """`generation` is None when nothing would have changed. `confirm_until` is set when it waits for confirmation."""

    generation: Generation | None
    plan: Plan
    confirm_until: datetime | None = None


@dataclass(frozen=True)
class GenerationView:
    """A generation with its files on this node and its parameters, secrets hidden."""

    generation: Generation
    live: bool
    parameters: dict[str, str]
    files: tuple[RenderedFile, ...]


class ConfigurationService(Service):
    desk: OfficeDesk

    def __init__(self, desk: OfficeDesk, live: LiveConfiguration | None = None) -> None:
        super().__init__(desk)
        self.live = live or LiveConfiguration()
        self.drafting = Drafting(desk, self.live)
        self.deployments = DeploymentService(desk, self.live)

    @operation("template.load", Role.ADMINISTRATOR)
    def load_builtin_templates(self, work: Work) -> list[str]:
        """Puts the package's built-in templates into the library; returns their names and versions."""
        loaded = builtin_templates()
        for template in loaded:
            store.save_template(work.connection, template)
        titles = [template.title for template in loaded]
        work.record("templates", after={"loaded": titles})
        return titles

    @operation("template.list", Role.VIEWER, reads=True)
    def templates(self, work: Work) -> list[Template]:
        """Lists the library's templates, the newest version first within a name."""
        return [
            store.load_from_library(work.connection, name, version)
            for name, version, _kind, _edition in store.template_versions(work.connection)
        ]

    @operation("template.show", Role.VIEWER, reads=True)
    def template(self, work: Work, name: str, version: str | None = None) -> Template:
        """Shows a template of the library."""
        return store.load_from_library(work.connection, name, version)

    @operation("config.plan", Role.VIEWER, reads=True)
    def plan(self, work: Work, wish: Wish) -> Plan:
        """Shows what a deployment would change."""
        return self.drafting.whole_plan(work.connection, wish)

    def deploy(self, wish: Wish, reason: str, report: Report, manner: Manner = AS_USUAL) -> Outcome:
        """Renders, stores and brings this node to a new generation; nothing to change means nothing is done.

        Raises DriftFound, OverrideConflict, CheckFailed, RolledBack, DeploymentError.
        """
        _check_window(manner.confirm_within)
        with self.deployments.turn(report):
            self.deployments.refuse_while_waiting()
            guard = DriftGuard(self.live_folder(), manner.discard_drift, wish.adopted)
            guard.refuse()
            plan, generation = self._save(wish, reason, manner.force)
            if generation is None:
                return Outcome(None, plan)
            changes = plan.components
            if manner.force:
                changes = tuple(ComponentChange(c.component, "restart", c.because) for c in changes)
            after = self._bring_node_to(generation.number, changes, report, manner, guard)
            return Outcome(generation, plan, unix_time(after.confirm_until))

    def rollback(self, number: int, report: Report, manner: Manner = AS_USUAL) -> Outcome:
        """Brings this node back to a stored generation, exactly as it was rendered then.

        While another generation waits for confirmation, the former one can be had back at once: nothing is examined,
        since it served a moment ago, and the database need not answer. The plan of that is empty.
        """
        _check_window(manner.confirm_within)
        with self.deployments.turn(report):
            waiting = self.live.record.load()
            if waiting and number == waiting.former and manner.confirm_within is None:
                self.deployments.return_at_once(waiting, report)
                return Outcome(None, Plan(waiting.target, "", (), (), ()))
            self.deployments.refuse_while_waiting()
            guard = DriftGuard(self.live_folder(), manner.discard_drift)
            guard.refuse()
            generation, plan = self._plan_rollback(number)
            after = self._bring_node_to(number, plan.components, report, manner, guard)
            return Outcome(generation, plan, unix_time(after.confirm_until))

    @operation("config.history", Role.VIEWER, reads=True)
    def history(self, work: Work, limit: int = 50) -> list[tuple[Generation, Deployment | None]]:
        """Lists generations, the newest first, each with its last deployment on this node."""
        latest: dict[int, Deployment] = {}
        for deployment in store.deployments(work.connection, limit * 10):
            if deployment.node == self.desk.settings.node_name:
                latest.setdefault(deployment.generation, deployment)
        return [(g, latest.get(g.number)) for g in store.generations(work.connection, limit)]

    @operation("config.show", Role.VIEWER, reads=True)
    def show(self, work: Work, number: int | None = None) -> GenerationView:
        """Shows a generation (the live one by default): origin, parameters, files."""
        number = self.live.current() if number is None else number
        generation = store.get_generation(work.connection, number)
        template = self.drafting.template_of(work.connection, generation)
        values = readable(template.spec, store.generation_parameters(work.connection, self.desk.keyring, number))
        return GenerationView(
            generation,
            number == self.live.current(),
            {name: shown(template.spec.parameters[name], value) for name, value in values.items()},
            self.drafting.files(work.connection, number),
        )

    @operation("config.names", Role.VIEWER, reads=True)
    def public_names(self, work: Work) -> tuple[str, ...]:
        """The names that clients use for mail: the live mail host, and where programs look for their settings."""
        number = self.live.current()
        if not number:
            return ()
        host = store.generation_parameters(work.connection, self.desk.keyring, number).get("mail_host")
        domains = [domain.name for domain in mail.every_domain(cursor_of(work.connection))]
        found = [f"{service}.{domain}" for domain in domains for service in ("autoconfig", "autodiscover")]
        return (str(host), *found) if host else tuple(found)

    @operation("config.diff", Role.VIEWER, reads=True)
    def diff(self, work: Work, old: int, new: int) -> tuple[FileChange, ...]:
        """Compares the files of two generations."""
        for number in (old, new):
            store.get_generation(work.connection, number)
        return compare(self.drafting.files(work.connection, old), self.drafting.files(work.connection, new))

    @operation("config.live", Role.ADMINISTRATOR, reads=True)
    def live_folder(self, work: Work) -> LiveFolder:
        """Opens what the live generation holds for this node."""
        return self.drafting.live_folder(work.connection)

    @operation("config.save", Role.ADMINISTRATOR)
    def _save(self, work: Work, wish: Wish, reason: str, force: bool) -> tuple[Plan, Generation | None]:
        """Renders the wish and stores it as a new generation."""
        draft = self.drafting.draft(work.connection, wish)
        if draft.plan.is_empty and not force:
            work.record("generation:-", after={"changed": False})
            return draft.plan, None
        generation = store.add_generation(
            work.connection,
            self.desk.keyring,
            used=draft.template,
            parameters=as_data(draft.values),
            based_on=draft.plan.based_on,
            author=work.actor.login,
            reason=reason,
            component_versions=draft.component_versions,
            files={self.desk.settings.node_name: draft.files},
        )
        work.record(
            f"generation:{generation.number}",
            before={change.name: change.before for change in draft.plan.parameters},
            after={change.name: change.after for change in draft.plan.parameters} | {"reason": reason},
        )
        return draft.plan, generation

    @operation("config.rollback", Role.ADMINISTRATOR)
    def _plan_rollback(self, work: Work, number: int) -> tuple[Generation, Plan]:
        """Plans the way from the live generation to an older one."""
        target, plan = self.drafting.plan_back(work.connection, number)
        work.record("generation", before={"live": plan.based_on}, after={"live": number})
        return target, plan

    @operation("config.blame", Role.VIEWER, reads=True)
    def _blame(self, work: Work, number: int, problems: list[Problem], facts: HostFacts) -> list[Problem]:
        """Names the parameters that refused lines of a generation came from."""
        return self.drafting.blamed(work.connection, number, problems, facts)

    def _bring_node_to(
        self, number: int, changes: tuple[ComponentChange, ...], report: Report, manner: Manner, guard: DriftGuard
    ) -> Transition:
        with self.desk.transaction() as connection:
            files = self.drafting.files(connection, number)
            facts = self.drafting.facts(connection)
        begun = Transition(
            deployment=0,
            former=self.live.current(),
            target=number,
            reactions={change.component: change.reaction for change in changes},
            author=self.desk.actor.login,
            begun=clock.now(),
            confirm_within=manner.confirm_within,
        )
        transition = self.deployments.begin(begun, manner.skip, discard_drift=manner.discard_drift)
        node, address = self.desk.settings.node_name, self.desk.settings.node_address
        events = EventLog(self.desk.database, node, f"generation:{number}")
        deployment = NodeDeployment(
            self.live,
            registry.ALL,
            NodeHost(address, self.live),
            _both(report, events.add),
            walls=(Lint(facts), Checkers(registry.ALL), Shadow((node, address), self.inhabitants)),
            skipped=manner.skip,
            blame=lambda problems: self._blame(number, problems, facts),
            before_switch=guard.before_switch,
        )
        try:
            return deployment.run(transition, files)
        finally:
            self.deployments.report_if_possible()
            with suppress(DatabaseError):
                events.save()

    def inhabitants(self) -> Inhabitants:
        """Whom a shadow start asks about."""
        with self.desk.reading() as cursor:
            people = [Person(*row) for row in mail.some_of_each_directory(cursor, _TRIED_PEOPLE)]
            return Inhabitants(people, [domain.name for domain in mail.every_domain(cursor)])


def _check_window(seconds: int | None) -> None:
    if seconds is not None and not LEAST_WINDOW_SECONDS <= seconds <= MOST_WINDOW_SECONDS:
        raise InputError(
            _("A confirmation can be waited for from {least} to {most}, not {given}.",
              least=shown_duration(LEAST_WINDOW_SECONDS), most="24h", given=shown_duration(seconds)),
            hint=_("Example: --confirm-within 10m"),
        )  # fmt: skip


def _both(first: Callable[[Step], None], second: Callable[[Step], None]) -> Callable[[Step], None]:
    def report(step: Step) -> None:
        first(step)
        second(step)

    return report
