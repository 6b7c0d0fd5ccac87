"""`rupost`: noun, then verb. Each noun is a module, imported only when it is asked for, so that help is instant."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

import typer

# Typer carries its own copy of Click; its error classes are found nowhere else.
from typer import _click as click
from typer.core import TyperGroup

from rupost_cli import narration, output
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
    "mailbox": ("rupost_cli.mailbox", "Mailboxes."),
    "template": ("rupost_cli.template", "The library of configuration templates."),
}
HIDDEN_NOUNS: dict[str, tuple[str, str]] = {
    "internal": ("rupost_cli.internal", "What RuPost's own units run."),
}


class LazyGroup(TyperGroup):
    """Lists every noun and imports only the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Any:
        if cmd_name not in NOUNS | HIDDEN_NOUNS:
            return None
        module, _summary = (NOUNS | HIDDEN_NOUNS)[cmd_name]
        command = typer.main.get_command(importlib.import_module(module).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(noun, _(summary)) for noun, (_module, summary) in sorted(NOUNS.items())])


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


@app.callback(help=_("RuPost: the mail cluster's configuration, people and health."))
def root() -> None:
    """Holds the nouns."""


def main() -> NoReturn:
    """The entry point. Typed errors become an explanation and their exit code; anything else is a bug."""
    install_domain()
    arguments = sys.argv[1:]
    as_json = "--json" in arguments
    try:
        command = typer.main.get_command(app)
        command.main(arguments, prog_name="rupost", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        output.show_text(error.format_message())
        sys.exit(0)
    except click.ClickException as error:
        problem = InputError(error.format_message(), hint=_usage_hint(error))
        narration.explain(problem, as_json=as_json)
        sys.exit(problem.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        narration.say(_("Cancelled."))
        sys.exit(130)
    except typer.Exit as error:
        sys.exit(error.exit_code)
    except RupostError as error:
        narration.explain(error, as_json=as_json)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(141)
    sys.exit(0)


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "rupost"
    return _("See {command} --help.", command=path)
