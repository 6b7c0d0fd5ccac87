"""What each step does. Every action may be repeated: what is there already is left alone and said to be there."""

from __future__ import annotations

from collections.abc import Mapping

from rupost_core.core import Core
from rupost_core.database.migrate import Migrated, migrate
from rupost_core.errors import CommandFailed
from rupost_core.host import units
from rupost_core.host.identity import full_name
from rupost_core.i18n import translate as _
from rupost_core.settings import PANEL_PORT
from wizard.flow import Action, Outcome, Result
from wizard.panel import wait_for_panel

EVACUATOR_TIMER = "rupost-mailqueue-evacuator.timer"
LISTS_TIMER = "rupost-distribution-lists-updater.timer"
SERVICES = ("rupost.service", "rupost-scheduler.service", "rupost-agent.service")
PANEL_SECONDS = 15.0


def actions(core: Core, *, services: bool) -> Mapping[str, Action]:
    """The action of each step's key; without `services` systemd is left alone."""
    return {
        "databases": lambda: _databases(core),
        "templates": lambda: _templates(core),
        "certificate": lambda: _made(core.certificates.ensure_builtin("mail", names(core))),
        "panel_certificate": lambda: _made(
            core.certificates.ensure_builtin("control_panel", [*names(core), "localhost", "127.0.0.1"])
        ),
        "dhparam": lambda: _made(core.dhparam.ensure_dhparam()),
        "evacuator": lambda: _timer(EVACUATOR_TIMER, services),
        "lists": lambda: _timer(LISTS_TIMER, services),
        "services": lambda: _services(core, services),
    }


def names(core: Core) -> list[str]:
    """What clients may call this node: its full name and its address."""
    return [full_name(), core.settings.node_address]


def _databases(core: Core) -> Result:
    migrated = migrate(core.desk.database)
    key_made = core.key.ensure()
    said = [_told(one) for one in migrated]
    said.append(_("{database}: ready for SOGo", database=core.settings.database.data_name))
    if key_made:
        said.append(_("the key for secrets is made"))
    changed = key_made or any(one.changed for one in migrated)
    return Result(Outcome.DONE if changed else Outcome.PRESENT, ", ".join(said))


def _told(one: Migrated) -> str:
    if one.before is None:
        return _("{database}: created", database=one.database)
    if one.changed:
        return _("{database}: upgraded from {before} to {after}",
                 database=one.database, before=one.before, after=one.after)  # fmt: skip
    return _("{database}: up to date", database=one.database)


def _templates(core: Core) -> Result:
    present = {template.title for template in core.configuration.templates()}
    loaded = core.configuration.load_builtin_templates()
    new = not present.issuperset(loaded)
    return Result(Outcome.DONE if new else Outcome.PRESENT, ", ".join(loaded))


def _made(made: bool) -> Result:
    return Result(Outcome.DONE if made else Outcome.PRESENT)


def _timer(unit: str, services: bool) -> Result:
    if not services:
        return Result(Outcome.SKIPPED, unit)
    if units.is_enabled(unit) and units.is_active(unit):
        return Result(Outcome.PRESENT, unit)
    units.enable_now(unit)
    return Result(Outcome.DONE, unit)


def _services(core: Core, services: bool) -> Result:
    core.cluster.register()
    said = [_("node {name} is registered", name=core.settings.node_name)]
    if not services:
        return Result(Outcome.SKIPPED, ", ".join(said))
    present = all(units.is_enabled(unit) and units.is_active(unit) for unit in SERVICES)
    for unit in SERVICES:
        units.act("enable", unit)
        # Also when it runs: an upgrade, a changed password or a new certificate is taken at start only.
        units.act("restart", unit)
        said.append(unit)
    chain = core.certificates.pair_in_use("control_panel").certificate.chain_pem
    wait_for_panel(chain, PANEL_PORT, PANEL_SECONDS)
    said.append(_("the panel answers"))
    for unit in SERVICES:
        if not units.is_active(unit):
            raise CommandFailed(
                _("{unit} ended right after its start.", unit=unit), details=units.last_log_lines(unit)
            )
    return Result(Outcome.PRESENT if present else Outcome.DONE, ", ".join(said))
