"""`rupost cert csr`, `acme` and `renew`: getting a certificate from an authority."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rupost_cli import narration, output
from rupost_cli.cert_words import warn
from rupost_cli.files import read_file
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.certificates.signing_request import DEFAULT_KEY, KEY_KINDS, KeyKind
from rupost_core.errors import InputError
from rupost_core.host.files import write_atomic
from rupost_core.i18n import translate as _

if TYPE_CHECKING:
    from rupost_core.certificates.acme_client import Binding
    from rupost_core.certificates.model import Certificate, Kind

verbs = Noun("")

_KEY = click.option("--key", "key_kind", type=click.Choice(KEY_KINDS), default=DEFAULT_KEY, show_default=True,
                    help=_("The kind of the key."))  # fmt: skip
_NAMES = click.option("--names", metavar=_("NAME,…"), required=True,
                      help=_("The host names that clients use, the main one first."))  # fmt: skip


@verbs.verb()
@click.argument("name", metavar=_("NAME"), help=_("The name under which the key is kept."))
@_NAMES
@_KEY
@click.option(
    "--organization", metavar=_("TEXT"), default="", help=_("Stands in the request; many authorities set it.")
)
@click.option("--output", "target", metavar=_("FILE"), type=Path, help=_("Where to write it; standard output else."))
@json_option
def csr(name: str, names: str, key_kind: KeyKind, organization: str, target: Path | None, as_json: bool) -> None:
    """Make a key, keep it, and print the request (PKCS#10) for your organization's authority."""
    with open_core() as core:
        made = core.certificates.request(name, names.split(","), organization, key_kind)
    if target is not None:
        try:
            write_atomic(target, made.request_pem.encode(), mode=0o644)
        except OSError as error:
            raise InputError(
                _("{path} cannot be written: {reason}", path=target, reason=error.strerror or error),
                hint=_("Print it instead, without --output."),
            ) from error
    if as_json:
        output.show_json(made)
    elif target is None:
        output.show_text(made.request_pem)
    narration.say(_("The key is kept, sealed. When the authority has answered:"))
    narration.say(f"  rupost cert add {name} --cert-type mail --cert-path FILE")


@verbs.verb()
@click.argument("name", metavar=_("NAME"), help=_("The certificate's name in the database."))
@click.option("--directory-url", metavar="URL", required=True, help=_("The authority's ACME directory (RFC 8555)."))
@_NAMES
@click.option("--ca-path", metavar=_("FILE"), type=Path,
              help=_("PEM: the root of the authority's own certificate; this system's else."))  # fmt: skip
@click.option("--contact", "contacts", metavar=_("ADDRESS"), multiple=True,
              help=_("A mail address for the authority; may be repeated."))  # fmt: skip
@click.option("--agree-terms", is_flag=True, help=_("You agree to the authority's terms of service."))
@click.option("--cert-type", type=click.Choice(("mail", "control_panel")), default="mail", show_default=True,
              help=_("mail: for clients; control_panel: for the panel on port 5000."))  # fmt: skip
@_KEY
@click.option("--eab-kid", metavar="ID", help=_("External account binding: the key identifier."))
@click.option("--eab-hmac-file", metavar=_("FILE"), type=Path,
              help=_("External account binding: a file with the key in Base64URL."))  # fmt: skip
@json_option
def acme(
    name: str,
    directory_url: str,
    names: str,
    ca_path: Path | None,
    contacts: tuple[str, ...],
    agree_terms: bool,
    cert_type: Kind,
    key_kind: KeyKind,
    eab_kid: str | None,
    eab_hmac_file: Path | None,
    as_json: bool,
) -> None:
    """Order a certificate by ACME, now, and anew by itself when a third of its life is left."""
    from rupost_core.certificates.acme_service import Registration

    registration = Registration(
        directory_url,
        read_file(ca_path).decode("ascii", "replace") if ca_path else "",
        contacts,
        agree_terms,
        _binding(eab_kid, eab_hmac_file),
    )
    with open_core() as core:
        stored, verdict = core.acme.obtain(name, cert_type, names.split(","), key_kind, registration)
    _report(stored, as_json)
    warn(verdict)


@verbs.verb()
@click.argument("name", metavar=_("NAME"), help=_("A certificate that was ordered by ACME."))
@json_option
def renew(name: str, as_json: bool) -> None:
    """Order a certificate anew by ACME, without waiting for its time."""
    with open_core() as core:
        stored = core.acme.renew(name)
    _report(stored, as_json)


def _report(stored: Certificate, as_json: bool) -> None:
    if as_json:
        output.show_json(stored)
    else:
        narration.say(
            _("Issued “{name}” for {names}, valid until {date:%Y-%m-%d %H:%M} UTC.",
              name=stored.name, names=", ".join(stored.names), date=stored.not_after)
        )  # fmt: skip
    narration.say(
        _("While it is the one in use, each node takes it up by itself within a minute, and so later ones.")
    )


def _binding(identifier: str | None, file: Path | None) -> Binding | None:
    from rupost_core.certificates.acme_client import Binding

    if (identifier is None) != (file is None):
        raise InputError(_("--eab-kid and --eab-hmac-file need each other."))
    if identifier is None or file is None:
        return None
    text = read_file(file).strip()
    try:
        key = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise InputError(
            _("{path} holds no key in Base64URL.", path=file), hint=_("Store it as the authority gave it.")
        ) from error
    return Binding(identifier, key)
