"""Operations on the configuration: plan, deploy, history, show, diff, rollback; and the template library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from rupost_core.access.desk import OfficeDesk
from rupost_core.components import registry
from rupost_core.configuration import store
from rupost_core.configuration.deploy import NodeDeployment, Report, Step
from rupost_core.configuration.events import EventLog
from rupost_core.configuration.library import Template, builtin_templates
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import Deployment, Generation, RenderedFile
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
from rupost_core.configuration.surroundings import gather
from rupost_core.configuration.walls import Checkers, WallName
from rupost_core.database.reader import cursor_of
from rupost_core.errors import CheckFailed, DeploymentError, InputError, RolledBack, RupostError
from rupost_core.host.commands import is_root
from rupost_core.i18n import pick
from rupost_core.i18n import translate as _
from rupost_core.mail import reading as mail
from rupost_core.operation import Role, Service, Work, operation

DEFAULT_TEMPLATE = "standalone"


@dataclass(frozen=True)
class Wish:
    """What an administrator asks for: a template (None: the live one's), values to set, names to put to default.

    With `only`, just these files are rendered anew; all others stay as they are in the live generation.
    """

    template: str | None = None
    version: str | None = None
    values: Mapping[str, Any] | None = None
    defaults: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manner:
    """How to deploy. `skip` names the walls to leave out; `force` deploys and restarts even without a change.

    With `confirm_within` (seconds) the former generation returns by itself unless `confirm` comes in time.
    """

    force: bool = False
    skip: frozenset[WallName] = frozenset()
    confirm_within: int | None = None


AS_USUAL = Manner()


@dataclass(frozen=True)
class Outcome:
    """`generation` is None when nothing would have changed."""

    generation: Generation | None
    plan: Plan


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
    files: tuple[RenderedFile, ...]
    plan: Plan


class ConfigurationService(Service):
    desk: OfficeDesk

    def __init__(self, desk: OfficeDesk, live: LiveConfiguration | None = None) -> None:
        super().__init__(desk)
        self.live = live or LiveConfiguration()

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
        return self._draft(work.connection, wish).plan

    def deploy(self, wish: Wish, reason: str, report: Report, manner: Manner = AS_USUAL) -> Outcome:
        """Renders, stores and brings this node to a new generation; nothing to change means nothing is done.

        Raises CheckFailed, RolledBack, DeploymentError.
        """
        self._must_be_root()
        plan, generation = self._save(wish, reason, manner.force)
        if generation is None:
            return Outcome(None, plan)
        changes = plan.components
        if manner.force:
            changes = tuple(ComponentChange(c.component, "restart", c.because) for c in changes)
        self._bring_node_to(generation.number, changes, report, manner)
        return Outcome(generation, plan)

    def rollback(self, number: int, report: Report, manner: Manner = AS_USUAL) -> Plan:
        """Brings this node back to a stored generation, exactly as it was rendered then."""
        self._must_be_root()
        plan = self._plan_rollback(number)
        self._bring_node_to(number, plan.components, report, manner)
        return plan

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
    def _plan_rollback(self, work: Work, number: int) -> Plan:
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
        changes = compare(self._files(work.connection, current) if current else (), files)
        work.record("generation", before={"live": current}, after={"live": number})
        components = component_changes(changes, template.spec, first=current == 0)
        return Plan(current or None, template.title, (), changes, components)

    @operation("config.deploy", Role.ADMINISTRATOR)
    def _begin(self, work: Work, number: int, manner: Manner) -> tuple[int, tuple[RenderedFile, ...]]:
        """Notes that this node is on its way to a generation."""
        node = self.desk.settings.node_name
        work.record(
            f"generation:{number}",
            before={"live": self.live.current()},
            after={"node": node, "skipped_walls": sorted(manner.skip), "confirm_within": manner.confirm_within},
        )
        identity = store.start_deployment(work.connection, number, node, work.actor.login)
        return identity, self._files(work.connection, number)

    @operation("config.conclude", Role.ADMINISTRATOR)
    def _conclude(self, work: Work, identity: int, number: int, outcome: str, message: str) -> None:
        """Notes how a deployment ended."""
        store.finish_deployment(work.connection, identity, outcome, message)
        work.record(f"generation:{number}", after={"outcome": outcome, "message": message})

    def _bring_node_to(
        self, number: int, changes: tuple[ComponentChange, ...], report: Report, manner: Manner
    ) -> None:
        identity, files = self._begin(number, manner)
        events = EventLog(self.desk.database, self.desk.settings.node_name, f"generation:{number}")
        deployment = NodeDeployment(
            self.live,
            registry.ALL,
            NodeHost(self.desk.settings.node_address, self.live),
            _both(report, events.add),
            walls=(Checkers(registry.ALL),),
            skipped=manner.skip,
        )
        try:
            deployment.run(number, files, changes)
        except RupostError as error:
            self._conclude(identity, number, _outcome_of(error), error.message)
            raise
        finally:
            events.save()
        self._conclude(identity, number, "done", "")

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
        files = render(template, values, gather(connection, self.desk, self.live))
        if wish.only:
            files = (*(f for f in old_files if f.path not in wish.only), *(f for f in files if f.path in wish.only))
        changes = compare(old_files, files)
        plan = Plan(
            based_on=current or None,
            template=template.title,
            parameters=_parameter_changes(template, before, values),
            files=changes,
            components=component_changes(changes, template.spec, first=current == 0),
        )
        return _Draft(template, values, files, plan)

    def _files(self, connection: Connection, number: int) -> tuple[RenderedFile, ...]:
        return store.generation_files(connection, self.desk.keyring, number, self.desk.settings.node_name)

    def _must_be_root(self) -> None:
        if not is_root():
            raise DeploymentError(_("Only root can deploy on this node."), hint=_("Use sudo."))


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


def _outcome_of(error: RupostError) -> str:
    if isinstance(error, CheckFailed):
        return "refused"
    return "rolled_back" if isinstance(error, RolledBack) else "failed"


def _both(first: Callable[[Step], None], second: Callable[[Step], None]) -> Callable[[Step], None]:
    def report(step: Step) -> None:
        first(step)
        second(step)

    return report
