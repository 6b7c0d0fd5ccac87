"""`rupost license`: which edition this node runs."""

from __future__ import annotations

from datetime import UTC, datetime

from rupost_cli import output
from rupost_cli.verbs import Noun, json_option
from rupost_core import edition
from rupost_core.i18n import translate as _

app = Noun(_("The edition that this node runs."))


@app.verb()
@json_option
def show(as_json: bool) -> None:
    """Show the edition, and what the licence file says."""
    licence = edition.load()
    now = licence.edition_on(datetime.now(tz=UTC).date())
    if as_json:
        output.show_json(
            {
                "edition": now,
                "organization": licence.organization,
                "valid_until": licence.valid_until and licence.valid_until.isoformat(),
                "file": str(edition.license_path()),
            }
        )
        return
    output.show_pairs(
        [
            (_("Edition"), now),
            (_("Organization"), licence.organization or "-"),
            (_("Valid until"), licence.valid_until or "-"),
            (_("File"), edition.license_path()),
        ]
    )
