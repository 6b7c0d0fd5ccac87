"""Operations on the configuration: plan, deploy, history, show, diff, rollback; and the template library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from rupost_core.access.desk import OfficeDesk
from rupost_core.components import registry
from rupost_core.components.haproxy import open_sessions
from rupost_core.components.model import Problem
from rupost_core.configuration import store
from rupost_core.configuration.blame import blame
from rupost_core.configuration.consequences import certificate_change, port_changes, security_changes
from rupost_core.configuration.deploy import NodeDeployment
from rupost_core.configuration.deployments import DeploymentService, unix_time
from rupost_core.configuration.events import EventLog
from rupost_core.configuration.host_facts import gather_facts
from rupost_core.configuration.library import Template, builtin_templates
from rupost_core.configuration.lint import Finding, HostFacts, lint
from rupost_core.configuration.lint_wall import Lint
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import Deployment, Generation, RenderedFile, Surroundings
from rupost_core.configuration.node_host import NodeHost
from rupost_core.configuration.parameters import Values, as_data, readable, resolve, shown
from rupost_core.configuration.plan import (
    ComponentChange,
    FileChange,
    ParameterChange,
    Plan,
    compare,
    component_changes,
)
from rupost_core.configuration.render import render
from rupost_core.configuration.shadow.model import Person
from rupost_core.configuration.shadow.wall import Inhabitants, Shadow
from rupost_core.configuration.surroundings import gather
from rupost_core.configuration.transition import LEAST_WINDOW_SECONDS, MOST_WINDOW_SECONDS, Transition
from rupost_core.configuration.uptake import Report, Step
from rupost_core.configuration.walls import Checkers, WallName
from rupost_core.database.reader import cursor_of
from rupost_core.errors import CheckFailed, DatabaseError, InputError
from rupost_core.host import clock
from rupost_core.i18n import pick
from rupost_core.i18n import translate as _
from rupost_core.mail import reading as mail
from rupost_core.operation import Role, Service, Work, operation
from rupost_core.quantity import shown_duration

DEFAULT_TEMPLATE = "standalone"
# Of each directory, whom a shadow start looks up: one alone may just have been locked.
_TRIED_PEOPLE = 5


@dataclass(frozen=True)
class Wish:
    """What an administrator asks for: a template (None: the live one's), values to set, names to put to default."""

    template: str | None = None
    version: str | None = None
    values: Mapping[str, Any] | None = None
    defaults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manner:
    """How to deploy. `skip` names the walls to leave out; `force` deploys and restarts even without a change.

    With `confirm_within` (seconds) the former generation returns by itself unless `confirm` comes in time, or as soon
    as something that served has stopped serving.
    """

    force: bool = False
    skip: frozenset[WallName] = frozenset()
    confirm_within: int | None = None


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


@dataclass(frozen=True)
class _Draft:
    template: Template
    values: Values
    surroundings: Surroundings
    old_files: tuple[RenderedFile, ...]
    files: tuple[RenderedFile, ...]
    plan: Plan


class ConfigurationService(Service):
    desk: OfficeDesk

    def __init__(self, desk: OfficeDesk, live: LiveConfiguration | None = None) -> None:
        super().__init__(desk)
        self.live = live or LiveConfiguration()
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
        draft = self._draft(work.connection, wish)
        facts = self._facts(work.connection)
        return replace(
            draft.plan,
            ports=port_changes(draft.old_files, draft.files, facts),
            findings=_blamed(lint(draft.files, facts), draft),
            open_sessions=open_sessions(),
        )

    def deploy(self, wish: Wish, reason: str, report: Report, manner: Manner = AS_USUAL) -> Outcome:
        """Renders, stores and brings this node to a new generation; nothing to change means nothing is done.

        Raises CheckFailed, RolledBack, DeploymentError.
        """
        _check_window(manner.confirm_within)
        with self.deployments.turn(report):
            self.deployments.refuse_while_waiting()
            plan, generation = self._save(wish, reason, manner.force)
            if generation is None:
                return Outcome(None, plan)
            changes = plan.components
            if manner.force:
                changes = tuple(ComponentChange(c.component, "restart", c.because) for c in changes)
            after = self._bring_node_to(generation.number, changes, report, manner)
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
            generation, plan = self._plan_rollback(number)
            after = self._bring_node_to(number, plan.components, report, manner)
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
        template = store.load_from_library(work.connection, generation.template_name, generation.template_version)
        values = readable(template.spec, store.generation_parameters(work.connection, self.desk.keyring, number))
        return GenerationView(
            generation,
            number == self.live.current(),
            {name: shown(template.spec.parameters[name], value) for name, value in values.items()},
            self._files(work.connection, number),
        )

    @operation("config.diff", Role.VIEWER, reads=True)
    def diff(self, work: Work, old: int, new: int) -> tuple[FileChange, ...]:
        """Compares the files of two generations."""
        for number in (old, new):
            store.get_generation(work.connection, number)
        return compare(self._files(work.connection, old), self._files(work.connection, new))

    @operation("config.save", Role.ADMINISTRATOR)
    def _save(self, work: Work, wish: Wish, reason: str, force: bool) -> tuple[Plan, Generation | None]:
        """Renders the wish and stores it as a new generation."""
        draft = self._draft(work.connection, wish)
        versions = registry.installed_versions()
        _refuse_unsupported(draft.template, versions)
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
            component_versions=versions,
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
        target = store.get_generation(work.connection, number)
        current = self.live.current()
        files = self._files(work.connection, number)
        if not files:
            raise InputError(
                _("Generation {number} holds no files for the node {node}.",
                  number=number, node=self.desk.settings.node_name),
                hint=_("Deploy a new generation instead: rupost config deploy"),
            )  # fmt: skip
        template = store.load_from_library(work.connection, target.template_name, target.template_version)
        work.record("generation", before={"live": current}, after={"live": number})
        return target, _plan(current, template, (), self._files(work.connection, current) if current else (), files)

    @operation("config.blame", Role.VIEWER, reads=True)
    def _blame(self, work: Work, number: int, problems: list[Problem], facts: HostFacts) -> list[Problem]:
        """Names the parameters that refused lines of a generation came from."""
        generation = store.get_generation(work.connection, number)
        template = store.load_from_library(work.connection, generation.template_name, generation.template_version)
        stored = store.generation_parameters(work.connection, self.desk.keyring, number)
        try:
            values = resolve(template.spec, stored)
        except InputError:
            return problems  # of an earlier version of the template, which asked for other parameters
        surroundings = gather(work.connection, self.desk, self.live)
        files = self._files(work.connection, number)

        def lint_again(changed: tuple[RenderedFile, ...]) -> list[Problem]:
            return [finding.problem for finding in lint(changed, facts) if finding.severity == "error"]

        return blame(template, values, surroundings, files, problems, lint_again)

    def _bring_node_to(
        self, number: int, changes: tuple[ComponentChange, ...], report: Report, manner: Manner
    ) -> Transition:
        with self.desk.transaction() as connection:
            files = self._files(connection, number)
            facts = self._facts(connection)
        begun = Transition(
            deployment=0,
            former=self.live.current(),
            target=number,
            reactions={change.component: change.reaction for change in changes},
            author=self.desk.actor.login,
            begun=clock.now(),
            confirm_within=manner.confirm_within,
        )
        transition = self.deployments.begin(begun, manner.skip)
        node, address = self.desk.settings.node_name, self.desk.settings.node_address
        events = EventLog(self.desk.database, node, f"generation:{number}")
        deployment = NodeDeployment(
            self.live,
            registry.ALL,
            NodeHost(address),
            _both(report, events.add),
            walls=(Lint(facts), Checkers(registry.ALL), Shadow((node, address), self.inhabitants)),
            skipped=manner.skip,
            blame=lambda problems: self._blame(number, problems, facts),
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

    def _draft(self, connection: Connection, wish: Wish) -> _Draft:
        current = self.live.current()
        before: dict[str, Any] = {}
        old_files: tuple[RenderedFile, ...] = ()
        name, version = wish.template, wish.version
        if current:
            generation = store.get_generation(connection, current)
            name = name or generation.template_name
            before = store.generation_parameters(connection, self.desk.keyring, current)
            old_files = self._files(connection, current)
        template = store.load_from_library(connection, name or DEFAULT_TEMPLATE, version)
        given = {key: value for key, value in before.items() if key in template.spec.parameters}
        given |= dict(wish.values or {})
        for key in wish.defaults:
            given.pop(key, None)
        values = resolve(template.spec, given)
        surroundings = gather(connection, self.desk, self.live)
        files = render(template, values, surroundings)
        parameters = _parameter_changes(template, before, values)
        return _Draft(
            template, values, surroundings, old_files, files, _plan(current, template, parameters, old_files, files)
        )

    def _facts(self, connection: Connection) -> HostFacts:
        domains = [domain.name for domain in mail.every_domain(cursor_of(connection))]
        return gather_facts(self.desk.settings, str(self.live.link), domains)

    def _files(self, connection: Connection, number: int) -> tuple[RenderedFile, ...]:
        return store.generation_files(connection, self.desk.keyring, number, self.desk.settings.node_name)


def _blamed(findings: list[Finding], draft: _Draft) -> tuple[Finding, ...]:
    """The findings, each with the parameter that its line came from."""
    problems = [finding.problem for finding in findings]
    blamed = blame(draft.template, draft.values, draft.surroundings, draft.files, problems)
    return tuple(replace(finding, problem=problem) for finding, problem in zip(findings, blamed, strict=True))


def _plan(
    current: int,
    template: Template,
    parameters: tuple[ParameterChange, ...],
    old: tuple[RenderedFile, ...],
    new: tuple[RenderedFile, ...],
) -> Plan:
    """From the live generation (0: none) to the new files."""
    changes = compare(old, new)
    return Plan(
        based_on=current or None,
        template=template.title,
        parameters=parameters,
        files=changes,
        components=component_changes(changes, template.spec, first=current == 0),
        security=security_changes(old, new) if current else (),
        certificate=certificate_change(old, new) if current else None,
    )


def _refuse_unsupported(template: Template, versions: dict[str, str]) -> None:
    problems = registry.unsupported(versions, template.spec.supports)
    if problems:
        lines = [
            _("{component}: installed {installed}, the template needs {wanted}",
              component=component, installed=installed or "-", wanted=wanted)
            for component, installed, wanted in problems
        ]  # fmt: skip
        raise CheckFailed(lines[0], details=lines[1:], hint=_("Install the right version, or take another template."))


def _parameter_changes(template: Template, before: dict[str, Any], values: Values) -> tuple[ParameterChange, ...]:
    old = readable(template.spec, before) if before else {}
    return tuple(
        ParameterChange(
            name,
            pick(parameter.title.as_dict()),
            shown(parameter, old.get(name)),
            shown(parameter, values[name]),
        )
        for name, parameter in template.spec.parameters.items()
        if old.get(name) != values[name]
    )


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
