"""`rupost cert` (manual 2.12.2): what is stored, what serves, and whether it is good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rupost_cli import cert_order, cert_show, cert_verify, narration, output
from rupost_cli.cert_files import expectation, material
from rupost_cli.cert_words import say_when_it_serves, warn
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.i18n import translate as _

if TYPE_CHECKING:
    from rupost_core.certificates.model import Kind

app = Noun(_("Certificates for mail and for the panel."))

KIND = click.Choice(("mail", "control_panel"))


@app.verb()
@click.argument("name", metavar=_("NAME"), help=_("The certificate's name in the database."))
@click.option("--cert-path", metavar=_("FILE"), type=Path, required=True,
              help=_("The server's certificate, then the chain: PEM; or DER, or PKCS#12 with its key."))  # fmt: skip
@click.option("--key-path", metavar=_("FILE"), type=Path,
              help=_("The private key; without it, the one kept by rupost cert csr."))  # fmt: skip
@click.option("--cert-type", type=KIND, required=True,
              help=_("mail: for clients; control_panel: for the panel on port 5000."))  # fmt: skip
@click.option("--ca-path", metavar=_("FILE"), type=Path, help=_("PEM: your organization's root certificate."))
@click.option("--key-password-file", metavar=_("FILE"), type=Path, help=_("A file with the key's password."))
@click.option("--login", metavar=_("LOGIN"), help=_("The administrator in whose name it is added."))
@json_option
def add(
    name: str,
    cert_path: Path,
    key_path: Path | None,
    cert_type: Kind,
    ca_path: Path | None,
    key_password_file: Path | None,
    login: str | None,
    as_json: bool,
) -> None:
    """Add a certificate with its key, after every check that clients and daemons make."""
    brought = material(cert_path, key_path, key_password_file)
    with open_core(login) as core:
        added = core.certificates.add(name, cert_type, brought, expectation(core, cert_type, ca_path))
    stored = added.certificate
    if as_json:
        output.show_json(stored)
    else:
        narration.say(
            _("Added “{name}” for {names}, valid until {date:%Y-%m-%d}.",
              name=stored.name, names=", ".join(stored.names) or stored.subject, date=stored.not_after)
        )  # fmt: skip
    warn(added.verdict)
    if added.key_was_encrypted:
        narration.say(_("The key is kept without its password, sealed with the cluster's key."))
    say_when_it_serves(cert_type)


@app.verb("list")
@json_option
def list_certificates(as_json: bool) -> None:
    """List the certificates; * marks the one of each type that is in use."""
    from rupost_core.certificates.expiry import in_use

    with open_core() as core:
        certificates = core.certificates.certificates()
    if as_json:
        output.show_json(certificates)
        return
    used = {one.name for one in in_use(certificates)}
    output.show_table(
        [_("Name"), _("Type"), _("Names"), _("Issuer"), _("Valid until")],
        [
            (f"{c.name}{' *' if c.name in used else ''}", c.kind, ", ".join(c.names), c.issuer,
             f"{c.not_after:%Y-%m-%d}")
            for c in certificates
        ],
    )  # fmt: skip
    narration.say(_("* is in use"))


app.add_command(cert_show.show)
app.add_command(cert_verify.verify)
app.add_command(cert_show.served)


@app.verb()
@click.argument("name", metavar=_("NAME"), help=_("The certificate's name in the database."))
@json_option
def use(name: str, as_json: bool) -> None:
    """Choose the certificate that is to serve."""
    with open_core() as core:
        chosen = core.certificates.use(name)
    if as_json:
        output.show_json(chosen)
    else:
        narration.say(_("“{name}” is chosen.", name=name))
    say_when_it_serves(chosen.kind)


@app.verb()
@click.argument("name", metavar=_("NAME"), help=_("The certificate's name in the database."))
def remove(name: str) -> None:
    """Remove a certificate that is not in use."""
    with open_core() as core:
        core.certificates.remove(name)
    narration.say(_("Removed “{name}”.", name=name))


for _command in (cert_order.csr, cert_order.acme, cert_order.renew):
    app.add_command(_command)
