"""How nouns and verbs are declared: Click's groups and commands, with help in the process's language.

Click translates its own sentences by gettext (`rupost_core.i18n.install_domain`); what it leaves in English, the
words of the usage line and the kinds of values, is given here. Options and arguments are plain `click.option` and
`click.argument`; each that takes a value says with `metavar` what value.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import click

from rupost_core.i18n import translate as _

OPTIONS = _("[OPTIONS]")
COMMAND = _("COMMAND [ARGS]...")

json_option = click.option("--json", "as_json", is_flag=True, help=_("JSON on standard output."))


class Verb(click.Command):
    """A command whose usage errors always know where they happened, so that the hint names the right help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class Noun(click.Group):
    """The group of verbs on one noun, listed in the order in which they are declared."""

    def __init__(self, about: str) -> None:
        super().__init__(help=about, options_metavar=OPTIONS, subcommand_metavar=COMMAND)

    def verb(self, name: str | None = None) -> Callable[[Callable[..., None]], click.Command]:
        """A verb of this noun; its help is the function's docstring, translated."""

        def register(function: Callable[..., None]) -> click.Command:
            about = inspect.getdoc(function) or ""
            return self.command(name, cls=Verb, help=_(about), options_metavar=OPTIONS)(function)

        return register

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class Whole(click.IntRange):
    """A whole number. Click's name for it, “integer range”, is neither plain nor translated."""

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        super().__init__(least, most)
        self.name = _("integer")
