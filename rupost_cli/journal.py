"""`rupost journal`."""

from __future__ import annotations

import typer

from rupost_cli import output
from rupost_cli.session import JSON_OPTION, Noun, open_core
from rupost_core.i18n import translate as _

app = Noun(_("Who did what."))


@app.command("list")
def list_rows(
    limit: int = typer.Option(50, "--limit", min=1, max=10000, help=_("At most so many rows.")),
    as_json: bool = JSON_OPTION,
) -> None:
    """List the newest rows first."""
    with open_core() as core:
        rows = core.access.journal(limit)
    if as_json:
        output.show_json(rows)
        return
    output.show_table(
        [_("When"), _("Who"), _("From"), _("What"), _("Subject"), _("Outcome")],
        [
            (f"{r.at.astimezone():%Y-%m-%d %H:%M:%S}", r.actor, r.face, r.operation, r.subject,
             r.outcome if not r.error else f"{r.outcome}: {r.error}")
            for r in rows
        ],
    )  # fmt: skip
