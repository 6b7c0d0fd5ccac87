"""`rupost`: noun, then verb. Each noun is a module, imported only when it is asked for, so that help is instant."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import NoReturn

import click

from rupost_cli import narration, output
from rupost_cli.verbs import COMMAND, OPTIONS
from rupost_core.errors import InputError, RupostError
from rupost_core.i18n import install_domain
from rupost_core.i18n import translate as _

# noun -> (module, what it is about); the help text is here so that `rupost --help` imports no module.
NOUNS: dict[str, tuple[str, str]] = {
    "cert": ("rupost_cli.cert", "Certificates for mail and for the panel."),
    "check": ("rupost_cli.check", "Prove that mail flows."),
    "config": ("rupost_cli.config", "Plan, deploy and roll back the configuration."),
    "dhparam": ("rupost_cli.dhparam", "Diffie-Hellman parameters."),
    "directory": ("rupost_cli.directory", "Directories that people come from."),
    "domain": ("rupost_cli.domain", "Mail domains."),
    "journal": ("rupost_cli.journal", "Who did what."),
    "license": ("rupost_cli.license", "The edition that this node runs."),
    "mailbox": ("rupost_cli.mailbox", "Mailboxes."),
    "template": ("rupost_cli.template", "The library of configuration templates."),
}
HIDDEN_NOUNS: dict[str, tuple[str, str]] = {
    "internal": ("rupost_cli.internal", "What RuPost's own units run."),
}


class Nouns(click.Group):
    """Lists every noun and imports only the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in NOUNS | HIDDEN_NOUNS:
            return None
        module, _summary = (NOUNS | HIDDEN_NOUNS)[cmd_name]
        noun: click.Command = importlib.import_module(module).app
        return noun

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            # Click knows of no noun before it is imported, and so cannot tell which one was meant.
            raise click.NoSuchCommand(error.command_name, possibilities=NOUNS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(noun, _(summary)) for noun, (_module, summary) in sorted(NOUNS.items())])


app = Nouns(
    help=_("RuPost: the mail cluster's configuration, people and health."),
    options_metavar=OPTIONS,
    subcommand_metavar=COMMAND,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


def main() -> NoReturn:
    """The entry point."""
    install_domain()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as on standard error: no text can stop a command
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still unwritten must go somewhere, or Python complains of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code. Typed errors become an explanation and their code; anything else is a bug."""
    as_json = "--json" in arguments
    try:
        with app.make_context("rupost", arguments) as context:
            app.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        output.show_text(error.format_message())
    except click.ClickException as error:
        problem = InputError(error.format_message().replace("\n\t", " "), hint=_usage_hint(error))
        narration.explain(problem, as_json=as_json)
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        narration.say(_("Cancelled."))
        return 130
    except RupostError as error:
        narration.explain(error, as_json=as_json)
        return error.exit_code
    return 0


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "rupost"
    return _("See {command} --help.", command=path)
