"""`rupost template`: the library of configuration templates, and custom ones (edition Enterprise)."""

from __future__ import annotations

import re
from pathlib import Path

import click

from rupost_cli import narration, output
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.configuration import archive
from rupost_core.configuration.findings import Finding, RefusedTemplate
from rupost_core.configuration.library import find_builtin
from rupost_core.configuration.schema import TemplateSpec
from rupost_core.configuration.template_lint import LintReport, lint
from rupost_core.errors import AlreadyExists, InputError, NotConfigured, NotFound, TemplateError
from rupost_core.i18n import pick
from rupost_core.i18n import translate as _
from rupost_core.text import printable

app = Noun(_("The library of configuration templates."))

SAMPLE = Path(archive.__file__).parent / "sample_template"

_version_option = click.option(
    "--template-version", "version", metavar=_("VERSION"), help=_("Its version; the newest by default.")
)
_name_argument = click.argument("name", metavar=_("NAME"), help=_("The template's name."))


@app.verb("list")
@json_option
def list_templates(as_json: bool) -> None:
    """List the templates."""
    with open_core() as core:
        templates = core.configuration.templates()
    if as_json:
        include = {"name", "version", "kind", "edition", "title"}
        output.show_json([{**t.spec.model_dump(include=include), "base": t.base and t.base.title} for t in templates])
        return
    output.show_table(
        [_("Name"), _("Version"), _("Kind"), _("Edition"), _("Extends"), _("Title")],
        [
            (t.spec.name, t.spec.version, t.spec.kind, t.spec.edition, t.base.title if t.base else "",
             pick(t.spec.title.as_dict()))
            for t in templates
        ],
    )  # fmt: skip


@app.verb()
@_name_argument
@_version_option
@click.option("--source", metavar=_("FILE"), help=_("Print this file of the template, or of the one it extends."))
@json_option
def show(name: str, version: str | None, source: str | None, as_json: bool) -> None:
    """Show a template: its parameters with their types, defaults and meaning."""
    from rupost_core.components import registry

    with open_core() as core:
        template = core.configuration.template(name, version)
    spec = template.spec
    if source is not None:
        if source not in template.sources:
            known = ", ".join(sorted(template.sources))
            raise NotFound(_("The template has no file {path}.", path=source), hint=_("It has: {known}", known=known))
        output.show_text(template.sources[source])
        return
    installed = registry.installed_versions()
    if as_json:
        base = template.base.title if template.base else None
        output.show_json({**spec.model_dump(mode="json"), "base": base, "installed": installed})
        return
    output.show_pairs(
        [
            (_("Name"), template.title),
            (_("Title"), pick(spec.title.as_dict())),
            (_("About"), pick(spec.description.as_dict())),
            (_("Edition"), spec.edition),
            (_("Extends"), template.base.title if template.base else "-"),
        ]
    )
    output.show_text("")
    _show_versions(spec, installed)
    output.show_text("")
    output.show_table(
        [_("Parameter"), _("Type"), _("Default"), _("Title")],
        [
            (
                key,
                p.type + ("…" if p.many else ""),
                _("(must be given)") if p.default is None and p.required and not p.many else p.default,
                pick(p.title.as_dict()),
            )
            for key, p in spec.parameters.items()
        ],
    )


def _show_versions(spec: TemplateSpec, installed: dict[str, str]) -> None:
    from rupost_core.components import registry

    unfit = {name for name, _installed, _wanted in registry.unsupported(installed, spec.supports)}
    output.show_table(
        [_("Component"), _("Supported"), _("Installed"), ""],
        [
            (name, wanted, installed.get(name, "-"), _("does not fit") if name in unfit else "")
            for name, wanted in spec.supports.items()
        ],
    )


@app.verb("lint")
@click.argument(
    "template", metavar=_("PATH|NAME"), help=_("A folder, a .tar.gz or .zip file, or a template of the library.")
)
@_version_option
@json_option
def lint_template(template: str, version: str | None, as_json: bool) -> None:
    """Find everything that is wrong with a template, without deploying it."""
    report = _lint(template, version)
    if as_json:
        title = report.template.title if report.template else None
        output.show_json({"template": title, "errors": len(report.errors), "findings": report.findings})
    else:
        _show_findings(report.findings)
        if not report.errors:
            narration.say(_("No errors."))
    if report.errors:
        raise click.exceptions.Exit(TemplateError.exit_code)


def _lint(template: str, version: str | None) -> LintReport:
    path = Path(template)
    if re.fullmatch(r"[a-z][a-z0-9-]*", template) and not path.exists():
        with open_core() as core:
            return core.templates.lint_stored(template, version)
    try:
        files = archive.read(path)
    except RefusedTemplate as problem:
        return LintReport(None, problem.findings)
    try:
        with open_core() as core:
            return core.templates.lint_files(files)
    except NotConfigured:
        # Away from a node a template is made too: then the packaged templates are all there is to extend.
        return lint(files, find_builtin)


@app.verb("import")
@click.argument("path", metavar=_("PATH"), help=_("A folder, or a .tar.gz or .zip file."))
@json_option
def import_template(path: str, as_json: bool) -> None:
    """Take a custom template into the library (edition Enterprise); a version never changes once it is there."""
    files = archive.read(Path(path))
    with open_core() as core:
        imported = core.templates.take_in(files, path)
    if as_json:
        output.show_json(imported)
        return
    _show_findings(imported.warnings)
    title = f"{imported.name} {imported.version}"
    if not imported.is_new:
        narration.say(_("{name} was in the library already.", name=title))
    elif imported.base:
        narration.say(_("{name} is in the library, built on {base}.", name=title, base=imported.base))
    else:
        narration.say(_("{name} is in the library.", name=title))


@app.verb()
@_name_argument
@_version_option
@click.option(
    "--output", "target", metavar=_("FILE"), help=_("Write it here; NAME-VERSION.tar.gz in this folder by default.")
)
@json_option
def export(name: str, version: str | None, target: str | None, as_json: bool) -> None:
    """Write a template into a .tar.gz file: the same bytes at any time."""
    with open_core() as core:
        file_name, content = core.templates.export(name, version)
    path = Path(target or file_name)
    _write_new(path, content)
    if as_json:
        output.show_json({"file": str(path), "bytes": len(content)})
    else:
        narration.say(_("Written: {path}", path=path))


@app.verb()
@_name_argument
@click.option("--template-version", "version", metavar=_("VERSION"), help=_("Its version, if there are several."))
@json_option
def remove(name: str, version: str | None, as_json: bool) -> None:
    """Take a custom template out of use."""
    with open_core() as core:
        removed = core.templates.remove(name, version)
    if as_json:
        output.show_json({"removed": removed})
    else:
        narration.say(_("{name} is out of use.", name=removed))


@app.verb()
@click.option("--output", "target", metavar=_("FOLDER"), help=_("Write it into this new folder."))
def sample(target: str | None) -> None:
    """Print a documented custom template, or write it into a folder to start from."""
    files = archive.read(SAMPLE)
    if target is None:
        for path, text in sorted(files.items(), key=lambda item: (item[0] != "template.yaml", item[0])):
            output.show_text(f"#### {path}\n{text}")
        return
    folder = Path(target)
    if folder.exists():
        raise AlreadyExists(_("{path} is there already.", path=folder), hint=_("Name a folder that is not."))
    for path, text in files.items():
        _write_new(folder / path, text.encode())
    narration.say(_("Written: {path}", path=folder))


def _show_findings(findings: list[Finding]) -> None:
    for one in findings:
        kind = _("error") if one.severity == "error" else _("warning")
        output.show_text(printable(f"{kind}: {one}"))


def _write_new(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise AlreadyExists(
            _("{path} is there already.", path=path), hint=_("Name another file: --output")
        ) from error
    except OSError as error:
        raise InputError(_("{path} cannot be written: {reason}", path=path, reason=error.strerror)) from error
