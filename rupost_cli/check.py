"""`rupost check`: proving that the system does its work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import open_core
from rupost_cli.verbs import Noun, json_option
from rupost_core.checks.mailflow import FlowStep
from rupost_core.errors import InputError, MailflowFailed
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

app = Noun(_("Prove that mail flows."))

_PASSWORD_VARIABLE = "RUPOST_CHECK_PASSWORD"  # noqa: S105 - the name of a variable


@app.verb()
@click.option("--address", metavar=_("ADDRESS"), required=True, help=_("The mailbox to check with."))
@click.option("--password-file", metavar=_("FILE"), type=Path,
              help=_("A file with its password; or set RUPOST_CHECK_PASSWORD."))  # fmt: skip
@json_option
def mailflow(address: str, password_file: Path | None, as_json: bool) -> None:
    """Send, receive, filter, plan and look up as a person's programs do, on this node, and time each."""
    password = _password(password_file)
    with open_core() as core:
        steps = core.mailflow.run(address, password, _narrate)
    if as_json:
        output.show_json({"ok": all(step.ok for step in steps), "steps": steps})
    else:
        output.show_table(
            [_("Step"), _("Port"), _("Result"), _("Time")],
            [(s.title, s.port, _("works") if s.ok else s.error, output.seconds(s.seconds)) for s in steps],
        )
    failed = [step for step in steps if not step.ok]
    if failed and not as_json:
        raise MailflowFailed(
            _("{count} of {all} steps failed.", count=len(failed), all=len(steps)),
            hint=_("See /var/log/mail.log and /var/log/sogo/sogo.log."),
        )
    if failed:
        raise click.exceptions.Exit(MailflowFailed.exit_code)


def _narrate(step: FlowStep) -> None:
    if sys.stderr.isatty():
        narration.say(f"  {'✓' if step.ok else '✗'} {step.port:>4}  {step.title}  {output.seconds(step.seconds)}")


def _password(path: Path | None) -> Secret:
    if path is not None:
        return Secret(read_file(path).decode("utf-8", "replace").rstrip("\r\n"))
    if _PASSWORD_VARIABLE in os.environ:
        return Secret(os.environ[_PASSWORD_VARIABLE])
    if sys.stdin.isatty():
        return Secret(click.prompt(_("Password"), hide_input=True, err=True))
    raise InputError(
        _("The mailbox's password is needed."),
        hint=_("Give --password-file FILE, or set RUPOST_CHECK_PASSWORD."),
    )
