"""`rupost dhparam` (manual 2.12.1)."""

from __future__ import annotations

from pathlib import Path

import click

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import local_actor, open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.certificates import dhparam_job
from rupost_core.certificates.dhparam import GROUPS
from rupost_core.errors import AccessDenied
from rupost_core.i18n import translate as _
from rupost_core.operation import Role

app = Noun(_("Diffie-Hellman parameters."))


@app.verb("import")
@click.argument("path", metavar=_("FILE"), type=Path, help=_("PEM file made with: openssl dhparam -out FILE 4096"))
@json_option
def import_file(path: Path, as_json: bool) -> None:
    """Put the file's parameters in place of the cluster's former ones."""
    with open_core() as core:
        bits = core.dhparam.import_dhparam(path.name, read_file(path))
    if as_json:
        output.show_json({"name": path.name, "bits": bits})
    else:
        narration.say(_("Imported {name}: {bits} bits.", name=path.name, bits=bits))
    _say_deploy()


@app.verb()
@click.argument("group", metavar=_("GROUP"), type=click.Choice(tuple(GROUPS)),
                help=_("ffdhe2048, ffdhe3072 or ffdhe4096."))  # fmt: skip
@json_option
def use(group: str, as_json: bool) -> None:
    """Take a named group of RFC 7919, at once."""
    with open_core() as core:
        bits = core.dhparam.use_group(group)
    if as_json:
        output.show_json({"name": group, "bits": bits})
    else:
        narration.say(_("{name} is taken: {bits} bits.", name=group, bits=bits))
    _say_deploy()


@app.verb()
@click.option("--bits", type=click.Choice([str(bits) for bits in dhparam_job.BITS]), default="4096",
              show_default=True, help=_("The length of the prime."))  # fmt: skip
def generate(bits: str) -> None:
    """Make parameters of your own in the background; they take minutes, and outlive this terminal."""
    if local_actor().role < Role.ADMINISTRATOR:
        raise AccessDenied(_("Only root can start it."), hint=_("Use sudo."))
    open_core().close()  # a node that is not set up says so now, not after minutes
    dhparam_job.start(int(bits))
    narration.say(_("Started. Look: rupost dhparam status"))


@app.verb()
@json_option
def status(as_json: bool) -> None:
    """Tell whether parameters are being made, and which are stored."""
    job = dhparam_job.state()
    with open_core() as core:
        stored = core.dhparam.show()
    if as_json:
        output.show_json(
            {"job": job, "stored": {"name": stored.name, "bits": stored.bits, "added_at": stored.added_at}}
        )
        return
    said = {
        "none": _("none is running"),
        "running": _("running since {time}", time=job.since),
        "failed": _("failed at {time}: journalctl -u rupost-dhparam", time=job.since),
    }
    output.show_pairs([(_("Job"), said[job.state]), (_("Stored"), f"{stored.name}, {stored.bits}")])


@app.verb()
@json_option
def show(as_json: bool) -> None:
    """Show the stored parameters."""
    with open_core() as core:
        stored = core.dhparam.show()
    if as_json:
        output.show_json(stored)
        return
    output.show_pairs(
        [
            (_("Name"), stored.name),
            (_("Bits"), stored.bits),
            (_("Group"), f"{stored.group} (RFC 7919)" if stored.group else _("your organization's own")),
            (_("Added"), f"{stored.added_at.astimezone():%Y-%m-%d %H:%M:%S}" if stored.added_at else ""),
        ]
    )
    output.show_text("")
    output.show_text(stored.pem)


def _say_deploy() -> None:
    narration.say(_("It serves after the next deployment: rupost config deploy"))
