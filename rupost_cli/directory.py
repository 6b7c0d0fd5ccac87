"""`rupost directory` (manual 2.4)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

import typer

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import JSON_OPTION, Noun, open_core
from rupost_core.errors import InputError
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

PASSWORD_VARIABLE = "RUPOST_DIRECTORY_PASSWORD"  # noqa: S105 - the variable's name

app = Noun(_("Directories that people come from."))


@app.command()
def add(
    name: str = typer.Argument(help=_("How RuPost calls the directory.")),
    kind: Literal["active_directory", "freeipa", "ald_pro"] = typer.Option(
        ..., "--kind", help=_("What kind of directory it is.")
    ),
    urls: list[str] = typer.Option(
        ..., "--url", help=_("ldaps://HOST or ldap://HOST; again for each further server.")
    ),
    base: str = typer.Option(..., "--base", help=_("People are looked for below it: dc=company,dc=ru")),
    bind_dn: str = typer.Option(..., "--bind-dn", help=_("The service account.")),
    password_file: Path = typer.Option(
        None, "--bind-password-file", help=_("File with its password; or RUPOST_DIRECTORY_PASSWORD.")
    ),
    ca: Path = typer.Option(None, "--ca", help=_("PEM: the CA of the servers; else the system's CAs.")),
    starttls: bool = typer.Option(False, "--starttls", help=_("Encrypt ldap:// connections.")),
    as_json: bool = JSON_OPTION,
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


@app.command("list")
def list_directories(as_json: bool = JSON_OPTION) -> None:
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
        return Secret(typer.prompt(_("Password of the service account"), hide_input=True, err=True))
    raise InputError(
        _("The service account's password is missing."),
        hint=_("Give it with --bind-password-file or {variable}.", variable=PASSWORD_VARIABLE),
    )
