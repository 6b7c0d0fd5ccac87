"""Certificates, keys, roots and passwords that a command names, as the core takes them."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from rupost_cli.files import read_file
from rupost_core.certificates.material import Material, no_password, read_material
from rupost_core.certificates.model import Kind
from rupost_core.certificates.trust import roots_of, system_anchors
from rupost_core.certificates.verification import Expectation
from rupost_core.core import Core
from rupost_core.i18n import translate as _


def material(cert_path: Path, key_path: Path | None, password_file: Path | None) -> Material:
    """Reads the files; asks for the key's password at a terminal, and only when there is one."""

    def password() -> bytes:
        if password_file is not None:
            return read_file(password_file).rstrip(b"\r\n")
        if sys.stdin.isatty():
            answer: str = click.prompt(_("The key's password"), hide_input=True, err=True)
            return answer.encode()
        return no_password()

    return read_material(read_file(cert_path), read_file(key_path) if key_path else None, password)


def expectation(core: Core | None, kind: Kind | None, ca_path: Path | None) -> Expectation:
    """What a certificate of the kind is held against on this node: names in use, and roots trusted here."""
    names: tuple[str, ...] = ()
    if core is not None and kind == "mail":
        names = core.configuration.public_names()
    elif kind == "control_panel":
        names = (socket.getfqdn(),)
    roots = roots_of(read_file(ca_path)) if ca_path else ()
    return Expectation(datetime.now(UTC), (*roots, *system_anchors()), names)
