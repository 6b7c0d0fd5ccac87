"""`rupost dhparam` (manual 2.12.1)."""

from __future__ import annotations

from pathlib import Path

import click

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.i18n import translate as _

app = Noun(_("Diffie-Hellman parameters."))


@app.verb("import")
@click.argument("path", metavar=_("FILE"), type=Path, help=_("PEM file made with: openssl dhparam -out FILE 4096"))
@json_option
def import_file(path: Path, as_json: bool) -> None:
    """Put the file's parameters in place of the cluster's former ones."""
    with open_core() as core:
        bits = core.certificates.import_dhparam(path.name, read_file(path))
    if as_json:
        output.show_json({"name": path.name, "bits": bits})
    else:
        narration.say(_("Imported {name}: {bits} bits.", name=path.name, bits=bits))
    narration.say(_("It serves after the next deployment: rupost config deploy"))
