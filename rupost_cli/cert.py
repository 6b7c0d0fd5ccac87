"""`rupost cert` (manual 2.12.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import JSON_OPTION, Noun, open_core
from rupost_core.i18n import translate as _

app = Noun(_("Certificates for mail and for the panel."))


@app.command()
def add(
    name: str = typer.Argument(help=_("The certificate's name in the database.")),
    cert_path: Path = typer.Option(..., "--cert-path", help=_("PEM: the server's certificate, then the chain.")),
    key_path: Path = typer.Option(..., "--key-path", help=_("PEM: the private key, not encrypted.")),
    cert_type: Literal["mail", "control_panel"] = typer.Option(
        ..., "--cert-type", help=_("mail: for clients; control_panel: for the panel on port 5000.")
    ),
    login: str = typer.Option(None, "--login", help=_("The administrator in whose name it is added.")),
    as_json: bool = JSON_OPTION,
) -> None:
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


@app.command("list")
def list_certificates(as_json: bool = JSON_OPTION) -> None:
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
