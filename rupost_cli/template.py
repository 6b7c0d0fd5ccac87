"""`rupost template`: looking into the library of configuration templates."""

from __future__ import annotations

import click

from rupost_cli import output
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.i18n import pick
from rupost_core.i18n import translate as _

app = Noun(_("The library of configuration templates."))


@app.verb("list")
@json_option
def list_templates(as_json: bool) -> None:
    """List the templates."""
    with open_core() as core:
        specs = [template.spec for template in core.configuration.templates()]
    if as_json:
        output.show_json([spec.model_dump(include={"name", "version", "kind", "edition", "title"}) for spec in specs])
        return
    output.show_table(
        [_("Name"), _("Version"), _("Kind"), _("Edition"), _("Title")],
        [(s.name, s.version, s.kind, s.edition, pick(s.title.as_dict())) for s in specs],
    )


@app.verb()
@click.argument("name", metavar=_("NAME"), help=_("The template's name."))
@click.option("--template-version", "version", metavar=_("VERSION"), help=_("Its version; the newest by default."))
@json_option
def show(name: str, version: str | None, as_json: bool) -> None:
    """Show a template: its parameters with their types, defaults and meaning."""
    with open_core() as core:
        spec = core.configuration.template(name, version).spec
    if as_json:
        output.show_json(spec.model_dump(mode="json"))
        return
    output.show_pairs(
        [
            (_("Name"), f"{spec.name} {spec.version}"),
            (_("Title"), pick(spec.title.as_dict())),
            (_("About"), pick(spec.description.as_dict())),
            (_("Supports"), ", ".join(f"{name} {wanted}" for name, wanted in spec.supports.items())),
        ]
    )
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
