"""`rupost domain`."""

from __future__ import annotations

import click

from rupost_cli import narration, output
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.i18n import translate as _

app = Noun(_("Mail domains."))


@app.verb()
@click.argument("name", metavar=_("DOMAIN"), help=_("The domain: company.ru or почта.рф"))
@json_option
def add(name: str, as_json: bool) -> None:
    """Add a mail domain."""
    with open_core() as core:
        added = core.mail.add_domain(name)
    if as_json:
        output.show_json(added)
    else:
        narration.say(_("Added “{name}”.", name=added.name))


@app.verb("list")
@json_option
def list_domains(as_json: bool) -> None:
    """List the mail domains."""
    from rupost_core.mail.model import shown_domain

    with open_core() as core:
        domains = core.mail.domains()
    if as_json:
        output.show_json(domains)
        return
    output.show_table(
        [_("Domain"), _("As people write it"), _("Added")],
        [(d.name, shown_domain(d.name), f"{d.created_at.astimezone():%Y-%m-%d}") for d in domains],
    )
