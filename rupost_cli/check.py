"""`rupost check`: proving that the system does its work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import JSON_OPTION, Noun, open_core
from rupost_core.checks.mailflow import FlowStep
from rupost_core.errors import InputError, MailflowFailed
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

app = Noun(_("Prove that mail flows."))

_PASSWORD_VARIABLE = "RUPOST_CHECK_PASSWORD"  # noqa: S105 - the name of a variable


@app.command()
def mailflow(
    address: str = typer.Option(..., "--address", help=_("The mailbox to check with.")),
    password_file: Path = typer.Option(
        None, "--password-file", help=_("A file with its password; or set RUPOST_CHECK_PASSWORD.")
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Send, receive, filter, plan and look up as a person's programs do, on this node, and time each."""
    password = _password(password_file)
    with open_core() as core:
        steps = core.mailflow.run(address, password, _narrate)
    if as_json:
        output.show_json({"ok": all(step.ok for step in steps), "steps": steps})
    else:
        output.show_table(
            [_("Step"), _("Port"), _("Result"), _("Time")],
            [
                (s.title, s.port, _("works") if s.ok else s.error, f"{s.seconds:.2f} s")
                for s in steps
            ],
        )  # fmt: skip
    failed = [step for step in steps if not step.ok]
    if failed and not as_json:
        raise MailflowFailed(
            _("{count} of {all} steps failed.", count=len(failed), all=len(steps)),
            hint=_("See /var/log/mail.log and /var/log/sogo/sogo.log."),
        )
    if failed:
        raise typer.Exit(MailflowFailed.exit_code)


def _narrate(step: FlowStep) -> None:
    if sys.stderr.isatty():
        narration.say(f"  {'✓' if step.ok else '✗'} {step.port:>4}  {step.title}  {step.seconds:.2f} s")


def _password(path: Path | None) -> Secret:
    if path is not None:
        return Secret(read_file(path).decode("utf-8", "replace").rstrip("\r\n"))
    if _PASSWORD_VARIABLE in os.environ:
        return Secret(os.environ[_PASSWORD_VARIABLE])
    if sys.stdin.isatty():
        return Secret(typer.prompt(_("Password"), hide_input=True))
    raise InputError(
        _("The mailbox's password is needed."),
        hint=_("Give --password-file FILE, or set RUPOST_CHECK_PASSWORD."),
    )
