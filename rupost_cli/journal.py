"""`rupost journal`."""

from __future__ import annotations

import click

from rupost_cli import output, words
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, Whole, json_option
from rupost_core.i18n import translate as _

app = Noun(_("Who did what."))


@app.verb("list")
@click.option("--limit", metavar=_("COUNT"), type=Whole(1, 10000), default=50, show_default=True,
              help=_("At most so many rows."))  # fmt: skip
@json_option
def list_rows(limit: int, as_json: bool) -> None:
    """List the newest rows first."""
    with open_core() as core:
        rows = core.access.journal(limit)
    if as_json:
        output.show_json(rows)
        return
    output.show_table(
        [_("When"), _("Who"), _("From"), _("What"), _("Subject"), _("Outcome")],
        [
            (f"{r.at.astimezone():%Y-%m-%d %H:%M:%S}", r.actor, words.face(r.face), r.operation, r.subject,
             words.outcome(r.outcome, r.error))
            for r in rows
        ],
    )  # fmt: skip
