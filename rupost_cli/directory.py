"""`rupost directory` (manual 2.4)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.errors import InputError
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

if TYPE_CHECKING:
    from rupost_core.directory.model import Kind

PASSWORD_VARIABLE = "RUPOST_DIRECTORY_PASSWORD"  # noqa: S105 - the variable's name

app = Noun(_("Directories that people come from."))


@app.verb()
@click.argument("name", metavar=_("NAME"), help=_("How RuPost calls the directory."))
@click.option("--kind", type=click.Choice(("active_directory", "freeipa", "ald_pro")), required=True,
              help=_("What kind of directory it is."))  # fmt: skip
@click.option("--url", "urls", metavar="URL", multiple=True, required=True,
              help=_("ldaps://HOST or ldap://HOST; again for each further server."))  # fmt: skip
@click.option("--base", metavar="DN", required=True, help=_("People are looked for below it: dc=company,dc=ru"))
@click.option("--bind-dn", metavar="DN", required=True, help=_("The service account."))
@click.option("--bind-password-file", "password_file", metavar=_("FILE"), type=Path,
              help=_("File with its password; or RUPOST_DIRECTORY_PASSWORD."))  # fmt: skip
@click.option("--ca", metavar=_("FILE"), type=Path, help=_("PEM: the CA of the servers; else the system's CAs."))
@click.option("--starttls", is_flag=True, help=_("Encrypt ldap:// connections."))
@json_option
def add(
    name: str,
    kind: Kind,
    urls: tuple[str, ...],
    base: str,
    bind_dn: str,
    password_file: Path | None,
    ca: Path | None,
    starttls: bool,
    as_json: bool,
) -> None:
    """Connect a directory after proving that its people can be read."""
    from rupost_core.directory.model import sends_password_openly

    ca_pem = read_file(ca) if ca else b""
    with open_core() as core:
        added = core.directory.add(
            name, kind, urls, base, bind_dn, _password(password_file), ca_pem=ca_pem, starttls=starttls
        )
    if sends_password_openly(added):
        narration.say(_("Warning: passwords cross the network unencrypted. Better: --starttls or ldaps://"))
    if as_json:
        output.show_json(added)
    else:
        narration.say(_("Connected “{name}”.", name=added.name))
    narration.say(_("People can log in after the next deployment: rupost config deploy"))


@app.verb("list")
@json_option
def list_directories(as_json: bool) -> None:
    """List the connected directories."""
    with open_core() as core:
        directories = core.directory.directories()
    if as_json:
        output.show_json(directories)
        return
    output.show_table(
        [_("Name"), _("Kind"), _("Servers"), _("Encryption"), _("Base"), _("Service account")],
        [(d.name, d.kind, " ".join(d.urls), _encryption(d.urls, d.starttls), d.base, d.bind_dn) for d in directories],
    )


def _encryption(urls: tuple[str, ...], starttls: bool) -> str:
    if urls[0].startswith("ldaps:"):
        return "TLS"
    return "StartTLS" if starttls else _("none")


def _password(file: Path | None) -> Secret:
    """From the file (its last line break is not part of it), the environment, or the terminal."""
    if file is not None:
        try:
            return Secret(read_file(file).decode("utf-8").removesuffix("\n").removesuffix("\r"))
        except UnicodeDecodeError as error:
            raise InputError(
                _("{path} is not UTF-8 text.", path=file), hint=_("The file must hold the password alone.")
            ) from error
    if PASSWORD_VARIABLE in os.environ:
        return Secret(os.environ[PASSWORD_VARIABLE])
    if sys.stdin.isatty():
        return Secret(click.prompt(_("Password of the service account"), hide_input=True, err=True))
    raise InputError(
        _("The service account's password is missing."),
        hint=_("Give it with --bind-password-file or {variable}.", variable=PASSWORD_VARIABLE),
    )
