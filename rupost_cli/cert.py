"""`rupost cert` (manual 2.12.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.i18n import translate as _

if TYPE_CHECKING:
    from rupost_core.certificates.model import Kind

app = Noun(_("Certificates for mail and for the panel."))


@app.verb()
@click.argument("name", metavar=_("NAME"), help=_("The certificate's name in the database."))
@click.option("--cert-path", metavar=_("FILE"), type=Path, required=True,
              help=_("PEM: the server's certificate, then the chain."))  # fmt: skip
@click.option("--key-path", metavar=_("FILE"), type=Path, required=True,
              help=_("PEM: the private key, not encrypted."))  # fmt: skip
@click.option("--cert-type", type=click.Choice(("mail", "control_panel")), required=True,
              help=_("mail: for clients; control_panel: for the panel on port 5000."))  # fmt: skip
@click.option("--login", metavar=_("LOGIN"), help=_("The administrator in whose name it is added."))
@json_option
def add(name: str, cert_path: Path, key_path: Path, cert_type: Kind, login: str | None, as_json: bool) -> None:
    """Add a certificate with its key."""
    with open_core(login) as core:
        stored = core.certificates.add(name, cert_type, read_file(cert_path), read_file(key_path))
    if as_json:
        output.show_json(stored)
    else:
        narration.say(
            _("Added “{name}” for {names}, valid until {date:%Y-%m-%d}.",
              name=stored.name, names=", ".join(stored.names) or stored.subject, date=stored.not_after)
        )  # fmt: skip
    if cert_type == "mail":
        narration.say(_("It serves after the next deployment: rupost config deploy"))
    else:
        narration.say(_("The panel uses it after: systemctl restart rupost (on every node)"))


@app.verb("list")
@json_option
def list_certificates(as_json: bool) -> None:
    """List the certificates."""
    with open_core() as core:
        certificates = core.certificates.certificates()
    if as_json:
        output.show_json(certificates)
        return
    output.show_table(
        [_("Name"), _("Type"), _("Names"), _("Issuer"), _("Valid until")],
        [(c.name, c.kind, ", ".join(c.names), c.issuer, f"{c.not_after:%Y-%m-%d}") for c in certificates],
    )
