"""How a command reaches the core: who is calling, and whether the answer is to be JSON."""

from __future__ import annotations

import inspect
import os
import pwd
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from rupost_core import settings
from rupost_core.core import Core
from rupost_core.i18n import translate as _
from rupost_core.operation import Actor, Role

Verb = TypeVar("Verb", bound=Callable[..., Any])
JSON_OPTION = typer.Option(False, "--json", help=_("JSON on standard output."))


class Noun(typer.Typer):
    """The group of verbs on one noun; it stays a group when there is only one verb."""

    def __init__(self, about: str) -> None:
        super().__init__(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help=about)
        self.callback()(lambda: None)

    def command(self, name: str | None = None, **more: Any) -> Callable[[Verb], Verb]:
        """A verb; its help is the function's docstring, translated."""

        def register(function: Verb) -> Verb:
            help_text = _(inspect.cleandoc(function.__doc__ or ""))
            return super(Noun, self).command(name, help=help_text, **more)(function)

        return register


def local_actor(login: str | None = None) -> Actor:
    """The person at this terminal. Root is the node's local administrator (manual 1.1); others may look.

    `login` names another administrator in whose name root acts (manual 2.12.2, `--login`).
    """
    if os.geteuid() != 0:
        return Actor(pwd.getpwuid(os.geteuid()).pw_name, Role.VIEWER, "cli")
    return Actor(login or os.environ.get("SUDO_USER") or "root", Role.ADMINISTRATOR, "cli")


def open_core(login: str | None = None) -> Core:
    """The core with this node's settings; raises NotConfigured before the wizard has run."""
    return Core(settings.load(), local_actor(login))
