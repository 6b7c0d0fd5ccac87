"""Operations on custom templates: lint, import, export, remove (edition Enterprise, manual 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from rupost_core import edition
from rupost_core.configuration import archive, store, template_store
from rupost_core.configuration.findings import Finding, RefusedTemplate, error, warning
from rupost_core.configuration.library import SPEC_FILE, Template
from rupost_core.configuration.template_lint import LintReport, changes_of_base, lint
from rupost_core.edition import require_enterprise
from rupost_core.errors import AlreadyExists, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.operation import Role, Service, Work, operation


@dataclass(frozen=True)
class Imported:
    """`is_new` is False when the very same version was there already. `base` is "" without one."""

    name: str
    version: str
    base: str
    is_new: bool
    warnings: list[Finding]


class TemplateService(Service):
    @operation("template.lint", Role.VIEWER, reads=True)
    def lint_files(self, work: Work, files: Mapping[str, str]) -> LintReport:
        """Looks through a template that is not in the library yet."""
        return lint(files, template_store.bases(work.connection))

    @operation("template.lint_stored", Role.VIEWER, reads=True)
    def lint_stored(self, work: Work, name: str, version: str | None = None) -> LintReport:
        """Looks through a template of the library, and tells what a newer base would change."""
        stored = store.load_from_library(work.connection, name, version)
        base = stored.base
        report = lint(stored.files, lambda _name, _range: base or stored)
        return LintReport(report.template, [*report.findings, *_news_of_base(work.connection, stored)])

    @operation("template.import", Role.ADMINISTRATOR)
    def take_in(self, work: Work, files: Mapping[str, str], origin: str) -> Imported:
        """Puts a custom template into the library; a version that is there never changes."""
        require_enterprise(_("Custom templates"), edition.load(), datetime.now(tz=UTC).date())
        report = lint(files, template_store.bases(work.connection))
        template = report.template
        if template is None or report.errors:
            raise RefusedTemplate(origin, report.errors, hint=_("Nothing was taken in. Correct the template."))
        name, version = template.spec.name, template.spec.version
        work.record(f"template:{name} {version}")
        _refuse_builtin(work.connection, template, origin)
        is_new = _is_new(work.connection, template)
        if is_new:
            template_store.add(work.connection, template, work.actor.login)
        else:
            template_store.set_retired(work.connection, name, version, False)
        base = template.base.title if template.base else ""
        work.record(
            f"template:{name} {version}",
            after={"new": is_new, "base": base, "sha256": template_store.digest(template), "files": len(files)},
        )
        return Imported(name, version, base, is_new, report.findings)

    @operation("template.export", Role.VIEWER, reads=True)
    def export(self, work: Work, name: str, version: str | None = None) -> tuple[str, bytes]:
        """Gives a template as an archive: its file name and its bytes, the same ones at any time."""
        template = store.load_from_library(work.connection, name, version)
        return f"{template.spec.name}-{template.spec.version}.tar.gz", archive.write(template)

    @operation("template.remove", Role.ADMINISTRATOR)
    def remove(self, work: Work, name: str, version: str | None = None) -> str:
        """Takes a custom template out of use; what older generations were made from is kept for them."""
        version = version or _only_version(work.connection, name)
        work.record(f"template:{name} {version}")
        row = template_store.find_row(work.connection, name, version)
        if row is None or row.retired:
            store.load_from_library(work.connection, name, version)
            raise NotFound(_("The library has no template “{name}”.", name=f"{name} {version}"))
        if row.kind == "builtin":
            raise InputError(
                _("{name} is a built-in template and cannot be removed.", name=f"{name} {version}"),
                hint=_("Only custom templates can: rupost template list"),
            )
        generations = self._refuse_needed(work.connection, name, version)
        kept = bool(generations or template_store.heirs(work.connection, name, version))
        if kept:
            template_store.set_retired(work.connection, name, version, True)
        else:
            template_store.delete(work.connection, name, version)
        work.record(f"template:{name} {version}", before={"added_by": row.added_by}, after={"kept_for": generations})
        return f"{name} {version}"

    def _refuse_needed(self, connection: Connection, name: str, version: str) -> list[int]:
        """The generations made from it; raises InputError while something in use depends on it."""
        heirs = [row for row in template_store.heirs(connection, name, version) if not row.retired]
        if heirs:
            raise InputError(
                _("{name} is extended by {heirs}.",
                  name=f"{name} {version}", heirs=", ".join(f"{row.name} {row.version}" for row in heirs)),
                hint=_("Remove those first."),
            )  # fmt: skip
        nodes = template_store.serving_nodes(connection, name, version)
        if nodes:
            raise InputError(
                _("{name} serves on {nodes}.", name=f"{name} {version}", nodes=", ".join(nodes)),
                hint=_("Deploy another template there first: rupost config deploy --template …"),
            )
        return template_store.generations_of(connection, name, version)


def _refuse_builtin(connection: Connection, template: Template, origin: str) -> None:
    if template.spec.kind != "custom":
        raise RefusedTemplate(origin, [error(SPEC_FILE, None, _("kind: only custom templates are imported"))])
    if template_store.is_builtin_name(connection, template.spec.name):
        raise AlreadyExists(
            _("“{name}” is the name of a built-in template.", name=template.spec.name),
            hint=_("Give the template another name; it may say “extends: {name}”.", name=template.spec.name),
        )


def _is_new(connection: Connection, template: Template) -> bool:
    """False when the very same files are there; raises AlreadyExists when others are."""
    name, version = template.spec.name, template.spec.version
    if template_store.find_row(connection, name, version) is None:
        return True
    if template_store.stored_files(connection, name, version) != dict(template.files):
        raise AlreadyExists(
            _("{name} is in the library with other content, and a version never changes.", name=template.title),
            hint=_("Raise “version” in template.yaml and import it again."),
        )
    return False


def _only_version(connection: Connection, name: str) -> str:
    versions = [row[1] for row in store.template_versions(connection) if row[0] == name]
    if not versions:
        store.load_from_library(connection, name)
    if len(versions) > 1:
        raise InputError(
            _("{name} is there in several versions: {versions}.", name=name, versions=", ".join(versions)),
            hint=_("Say which one: --template-version"),
        )
    return versions[0]


def _news_of_base(connection: Connection, stored: Template) -> list[Finding]:
    """What has become of the base since the template was taken in."""
    row = template_store.find_row(connection, stored.spec.name, stored.spec.version)
    if row is None or row.base is None or stored.base is None:
        return []
    wish = stored.spec.extends
    versions = None if wish is None or isinstance(wish, str) else wish.versions
    try:
        newest = template_store.bases(connection)(row.base[0], versions)
    except NotFound:
        newest = stored.base
    if newest.spec.version != stored.base.spec.version:
        text = _(
            "built on {used}, and {newest} is there: import a new version of it to use that. It changes: {what}",
            used=stored.base.title,
            newest=newest.title,
            what="; ".join(changes_of_base(stored.base, newest)) or "-",
        )
        return [warning(SPEC_FILE, None, text)]
    if template_store.digest(stored.base) != row.base_digest:
        text = _("the text of its base {used} was replaced since it was taken in", used=stored.base.title)
        return [warning(SPEC_FILE, None, text)]
    return []
