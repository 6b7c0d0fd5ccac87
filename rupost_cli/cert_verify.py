"""`rupost cert verify`: every check on a stored certificate, or on files before they are added."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rupost_cli import output
from rupost_cli.cert_files import expectation, material
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.certificates.expiry import in_use
from rupost_core.certificates.model import Kind
from rupost_core.certificates.verification import Verdict, examine
from rupost_core.errors import CertificateError, InputError, NotFound
from rupost_core.i18n import translate as _
from rupost_core.text import printable

verbs = Noun("")

_MARKS = {"ok": "✓", "warning": "!", "error": "✗"}


@verbs.verb()
@click.argument("name", metavar=_("[NAME]"), required=False,
                help=_("A stored certificate; those in use when neither it nor files are named."))  # fmt: skip
@click.option("--cert-path", metavar=_("FILE"), type=Path, help=_("Instead of a stored one: this file."))
@click.option("--key-path", metavar=_("FILE"), type=Path, help=_("The private key that belongs to it."))
@click.option("--cert-type", type=click.Choice(("mail", "control_panel")), default="mail", show_default=True,
              help=_("What the file is for: whose names it is held against."))  # fmt: skip
@click.option("--ca-path", metavar=_("FILE"), type=Path, help=_("PEM: your organization's root certificate."))
@click.option("--key-password-file", metavar=_("FILE"), type=Path, help=_("A file with the key's password."))
@json_option
def verify(
    name: str | None,
    cert_path: Path | None,
    key_path: Path | None,
    cert_type: Kind,
    ca_path: Path | None,
    key_password_file: Path | None,
    as_json: bool,
) -> None:
    """Check chain, key, names, dates and purpose; nothing is changed."""
    if name is not None and cert_path is not None:
        raise InputError(_("Give either a stored certificate's name or --cert-path."))
    if cert_path is not None:
        brought = material(cert_path, key_path, key_password_file)
        with open_core() as core:
            verdicts = {str(cert_path): examine(brought, expectation(core, cert_type, ca_path))}
    else:
        verdicts = _stored(name, ca_path)
    if as_json:
        output.show_json({one: {"ok": verdict.ok, "findings": verdict.findings} for one, verdict in verdicts.items()})
    else:
        for title, verdict in verdicts.items():
            output.show_text(f"{printable(title)}:")
            _show(verdict)
    if all(verdict.ok for verdict in verdicts.values()):
        return
    if as_json:
        raise click.exceptions.Exit(CertificateError.exit_code)
    errors = [one for verdict in verdicts.values() for one in verdict.findings if one.outcome == "error"]
    raise CertificateError(errors[0].message, hint=errors[0].hint)


def _stored(name: str | None, ca_path: Path | None) -> dict[str, Verdict]:
    with open_core() as core:
        certificates = core.certificates.certificates()
        chosen = in_use(certificates) if name is None else [one for one in certificates if one.name == name]
        if not chosen:
            raise NotFound(
                _("There is no certificate “{name}”.", name=name or ""), hint=_("List them: rupost cert list")
            )
        return {one.name: core.certificates.verify(one.name, expectation(core, one.kind, ca_path)) for one in chosen}


def _show(verdict: Verdict) -> None:
    for finding in verdict.findings:
        sys.stdout.write(f"  {_MARKS[finding.outcome]} {printable(finding.message)}\n")
        if finding.hint and finding.outcome == "warning":
            sys.stdout.write(f"    {printable(finding.hint)}\n")
