"""Before the steps: the server is looked at, role and databases are made, config.json is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rupost_core.core import Core
from rupost_core.database.provision import provision
from rupost_core.errors import AccessDenied
from rupost_core.host.identity import address_towards, short_name
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor, Role
from rupost_core.settings import Settings, join_host
from wizard import choices, config_file
from wizard.arguments import Arguments


def refuse_unless_allowed(arguments: Arguments, path: Path) -> None:
    """Root, or --no-services with a configuration path that this user may write."""
    if os.geteuid() == 0:
        return
    nearest = next(parent for parent in path.absolute().parents if parent.exists())
    if arguments.services or not os.access(nearest, os.W_OK):
        raise AccessDenied(
            _("The wizard sets up this node's services and {path}, so it needs root.", path=path),
            hint=_("Run it with sudo: sudo rupost-wizard --silent …"),
        )


def prepare(arguments: Arguments, path: Path, say: Callable[[str], None]) -> Core:
    """The core over a database that is ready for the steps; `say` is told what was found and made.

    A data key under a former database password is put under the new one before config.json forgets the former.
    """
    former = config_file.read_former(path)
    database = choices.database(arguments, former.database if former else None)
    if arguments.password_on_command_line:
        say(_("Note: a password on the command line can be seen in the list of processes; "
              "the variable RUPOST_INSTALLER_DB_PASSWORD cannot."))  # fmt: skip
    address = address_towards([host for host, _port in database.hosts if not host.startswith("/")])
    chosen = choices.settings(database, choices.node(arguments, former, short_name(), address))
    where = ", ".join(join_host(*host) for host in database.hosts)
    provisioned = provision(database)
    say(_("PostgreSQL {version} at {where}.", version=provisioned.version, where=where))
    if provisioned.role_created:
        say(_("The role “{user}” is created.", user=database.user))
    for name in provisioned.databases_created:
        say(_("The database “{name}” is created.", name=name))
    core = Core(chosen, _actor())
    try:
        _settle_key(core, former, say)
        if config_file.write(path, chosen):
            say(_("{path} is written.", path=path))
    except BaseException:
        core.close()
        raise
    return core


def _settle_key(core: Core, former: Settings | None, say: Callable[[str], None]) -> None:
    password = choices.former_password(former, core.settings.database)
    if core.key.needs_rewrap(password):
        assert password is not None  # noqa: S101 - it is the one that opens the key
        core.key.rewrap(password)
        say(_("The key for secrets is put under the changed database password."))


def _actor() -> Actor:
    return Actor(os.environ.get("SUDO_USER") or "root", Role.ADMINISTRATOR, "wizard")
