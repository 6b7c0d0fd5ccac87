"""From a wish to files and a plan: what a deployment would bring to this node, worked out but not stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from rupost_core import edition
from rupost_core.access.desk import OfficeDesk
from rupost_core.components import registry
from rupost_core.components.haproxy import open_sessions
from rupost_core.components.model import Problem
from rupost_core.configuration import drift_store, override, store
from rupost_core.configuration.blame import blame
from rupost_core.configuration.confinement import render_any
from rupost_core.configuration.consequences import certificate_change, port_changes, security_changes
from rupost_core.configuration.drift import Drift
from rupost_core.configuration.host_facts import gather_facts
from rupost_core.configuration.library import Template
from rupost_core.configuration.lint import Finding, HostFacts, lint
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.live_folder import LiveFolder
from rupost_core.configuration.model import Generation, RenderedFile, Surroundings
from rupost_core.configuration.parameters import Values, readable, resolve, shown
from rupost_core.configuration.plan import ParameterChange, Plan, compare, component_changes
from rupost_core.configuration.surroundings import gather
from rupost_core.database.reader import cursor_of
from rupost_core.edition import require_enterprise
from rupost_core.errors import CheckFailed, InputError, NotFound
from rupost_core.host.commands import is_root
from rupost_core.i18n import pick
from rupost_core.i18n import translate as _
from rupost_core.mail import reading as mail

DEFAULT_TEMPLATE = "standalone"


@dataclass(frozen=True)
class Wish:
    """What an administrator asks for: a template (None: the live one's), values to set, names to put to default.

    With `adopted` (path → text) it is the live generation as it is, with these texts in it. With `only`, just these
    files are rendered anew; all others stay as they are in the live generation.
    """

    template: str | None = None
    version: str | None = None
    values: Mapping[str, Any] | None = None
    defaults: tuple[str, ...] = ()
    adopted: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A generation that could be, and what it was made of. `old_files` are those of the live one."""

    template: Template
    values: Values
    surroundings: Surroundings
    old_files: tuple[RenderedFile, ...]
    files: tuple[RenderedFile, ...]
    plan: Plan
    component_versions: dict[str, str]


class Drafting:
    """Everything is read in the caller's transaction; nothing is written."""

    def __init__(self, desk: OfficeDesk, live: LiveConfiguration) -> None:
        self._desk = desk
        self._live = live

    def draft(self, connection: Connection, wish: Wish, *, overridden: bool = True) -> Draft:
        """Raises InputError, TemplateError, OverrideConflict, and CheckFailed for versions that do not fit."""
        folder = self.live_folder(connection)
        generation = store.get_generation(connection, folder.number) if folder.number else None
        before = store.generation_parameters(connection, self._desk.keyring, folder.number) if generation else {}
        template = self._template(connection, wish, generation)
        versions = registry.installed_versions()
        _refuse_unsupported(template, versions)
        if generation is None or generation.template_name != template.spec.name:
            _refuse_edition(template)
        values = _resolved(template, before, wish)
        surroundings = gather(connection, self._desk, self._live)
        uses: tuple[override.OverrideUse, ...] = ()
        if wish.adopted:
            files = tuple(replace(file, content=wish.adopted.get(file.path, file.content)) for file in folder.files)
        else:
            files = render_any(template, values, surroundings)
            if overridden:
                files, uses = override.apply(files, drift_store.overrides(connection, self._desk.keyring))
        if wish.only:
            kept = [file for file in folder.files if file.path not in wish.only]
            files = (*kept, *(file for file in files if file.path in wish.only))
        plan = self._plan(connection, folder, template, files)
        plan = replace(plan, parameters=_parameter_changes(template, before, values), overrides=uses)
        return Draft(template, values, surroundings, folder.files, files, plan, versions)

    def whole_plan(self, connection: Connection, wish: Wish) -> Plan:
        """The plan of a wish with what takes longer to find out: ports, the lint's findings, open sessions."""
        draft = self.draft(connection, wish)
        facts = self.facts(connection)
        return replace(
            draft.plan,
            ports=port_changes(draft.old_files, draft.files, facts),
            findings=_blamed(lint(draft.files, facts), draft, facts),
            open_sessions=open_sessions(),
        )

    def plan_back(self, connection: Connection, number: int) -> tuple[Generation, Plan]:
        """The way from the live generation to a stored one, as it was rendered then."""
        target = store.get_generation(connection, number)
        files = self.files(connection, number)
        if not files:
            raise InputError(
                _("Generation {number} holds no files for the node {node}.",
                  number=number, node=self._desk.settings.node_name),
                hint=_("Deploy a new generation instead: rupost config deploy"),
            )  # fmt: skip
        template = self.template_of(connection, target)
        return target, self._plan(connection, self.live_folder(connection), template, files)

    def rendered(self, connection: Connection, *, overridden: bool, newest: bool = True) -> tuple[RenderedFile, ...]:
        """What the next deployment without a wish would give, with or without the overrides.

        That is of the template's newest version in the library, or, without `newest`, of the live one. Raises
        OverrideConflict and whatever rendering raises.
        """
        current = self._live.current()
        version = None if newest or not current else store.get_generation(connection, current).template_version
        return self.draft(connection, Wish(version=version), overridden=overridden).files

    def blamed(
        self, connection: Connection, number: int, problems: Sequence[Problem], facts: HostFacts
    ) -> list[Problem]:
        """Problems of a stored generation, each with the parameter that its line came from."""
        generation = store.get_generation(connection, number)
        template = self.template_of(connection, generation)
        try:
            values = resolve(template.spec, store.generation_parameters(connection, self._desk.keyring, number))
        except InputError:
            return list(problems)  # of an earlier version of the template, which asked for other parameters
        surroundings = gather(connection, self._desk, self._live)
        files = self.files(connection, number)
        return blame(template, values, surroundings, files, problems, _linting(facts))

    def live_folder(self, connection: Connection) -> LiveFolder:
        """What the live generation holds for this node; raises NotFound when the database does not know it."""
        number = self._live.current()
        if number == 0:
            return LiveFolder(self._live, 0, ())
        store.get_generation(connection, number)
        return LiveFolder(self._live, number, self.files(connection, number))

    def facts(self, connection: Connection) -> HostFacts:
        domains = [domain.name for domain in mail.every_domain(cursor_of(connection))]
        return gather_facts(self._desk.settings, str(self._live.link), domains)

    def files(self, connection: Connection, number: int) -> tuple[RenderedFile, ...]:
        return store.generation_files(connection, self._desk.keyring, number, self._desk.settings.node_name)

    def template_of(self, connection: Connection, generation: Generation) -> Template:
        """Also one that was taken out of use since."""
        name, version = generation.template_name, generation.template_version
        return store.load_from_library(connection, name, version, retired=True)

    def _template(self, connection: Connection, wish: Wish, live: Generation | None) -> Template:
        name, version = wish.template, wish.version
        if live is not None:
            name = name or live.template_name
            # An adoption must not wait for what a newer version of the template asks for.
            version = version or (live.template_version if wish.adopted else None)
        try:
            return store.load_from_library(connection, name or DEFAULT_TEMPLATE, version)
        except NotFound:
            # A template that was taken out of use is still the live one's after a rollback to it.
            if live is None or name != live.template_name or version not in (None, live.template_version):
                raise
            return self.template_of(connection, live)

    def _plan(
        self, connection: Connection, folder: LiveFolder, template: Template, files: tuple[RenderedFile, ...]
    ) -> Plan:
        first = folder.number == 0
        changes = compare(folder.files, files)
        drift = self._drift(connection, folder)
        return Plan(
            based_on=folder.number or None,
            template=template.title,
            parameters=(),
            files=changes,
            components=component_changes((*changes, *drift), template.spec, first=first),
            security=() if first else security_changes(folder.files, files),
            certificate=None if first else certificate_change(folder.files, files),
            drift=drift,
        )

    def _drift(self, connection: Connection, folder: LiveFolder) -> tuple[Drift, ...]:
        """Of the live folder as it is; for others than root, who cannot read it, as the agent has noted it."""
        if is_root():
            return folder.drifts()
        noted = drift_store.noted(connection, self._desk.settings.node_name)
        return tuple(Drift(one.path, one.kind) for one in noted)


def _resolved(template: Template, before: Mapping[str, Any], wish: Wish) -> Values:
    given = {key: value for key, value in before.items() if key in template.spec.parameters}
    given |= dict(wish.values or {})
    for key in wish.defaults:
        given.pop(key, None)
    return resolve(template.spec, given)


def _refuse_unsupported(template: Template, versions: dict[str, str]) -> None:
    problems = registry.unsupported(versions, template.spec.supports)
    if problems:
        lines = [
            _("{component}: installed {installed}, the template needs {wanted}",
              component=component, installed=installed or "-", wanted=wanted)
            for component, installed, wanted in problems
        ]  # fmt: skip
        raise CheckFailed(lines[0], details=lines[1:], hint=_("Install the right version, or take another template."))


def _refuse_edition(template: Template) -> None:
    """A node that serves a template already may go on deploying it: a licence that runs out stops no mail."""
    if template.spec.kind == "custom" or template.spec.edition == "enterprise":
        today = datetime.now(tz=UTC).date()
        require_enterprise(_("The template {name}", name=template.title), edition.load(), today)


def _linting(facts: HostFacts) -> Callable[[tuple[RenderedFile, ...]], list[Problem]]:
    """The lint's errors on other files of the same node."""
    return lambda files: [found.problem for found in lint(files, facts) if found.severity == "error"]


def _blamed(findings: list[Finding], draft: Draft, facts: HostFacts) -> tuple[Finding, ...]:
    """The findings, each with the parameter that its line came from."""
    problems = [finding.problem for finding in findings]
    blamed = blame(draft.template, draft.values, draft.surroundings, draft.files, problems, _linting(facts))
    return tuple(replace(finding, problem=problem) for finding, problem in zip(findings, blamed, strict=True))


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
