"""`rupost config confirm` and `status`: the deployment that is under way on this node, or waits."""

from __future__ import annotations

import click

from rupost_cli import narration, output, words
from rupost_cli.session import open_core
from rupost_cli.verbs import OPTIONS, Verb, json_option
from rupost_core.configuration.deployments import Status
from rupost_core.errors import InputError
from rupost_core.i18n import translate as _
from rupost_core.quantity import parse_duration


def duration(_context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Seconds of an option's value."""
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise InputError(f"{option.opts[0]}: {error}") from error


@click.command(cls=Verb, help=_("Keep the generation that waits for confirmation."), options_metavar=OPTIONS)
@json_option
def confirm(as_json: bool) -> None:
    with open_core() as core:
        ended = core.deployments.confirm()
    if as_json:
        output.show_json({"generation": ended.target, "former": ended.former, "confirmed_by": ended.confirmed_by})
    else:
        narration.say(_("Generation {number} stays live.", number=ended.target))


@click.command(cls=Verb, help=_("Show what is live on this node, and what is under way."), options_metavar=OPTIONS)
@json_option
def status(as_json: bool) -> None:
    with open_core() as core:
        shown = core.deployments.status()
    if as_json:
        output.show_json(shown)
        return
    output.show_pairs(_lines(shown))
    if shown.database_trouble:
        narration.say(shown.database_trouble)


def _lines(shown: Status) -> list[tuple[str, object]]:
    lines: list[tuple[str, object]] = [(_("Live generation"), shown.live or _("none"))]
    transition = shown.transition
    if transition is not None and transition.phase != "ended":
        lines.append((_("Under way"), f"{transition.former} → {transition.target}, {words.phase(transition.phase)}"))
        lines.append((_("Author"), transition.author))
    if shown.confirm_until is not None:
        lines.append((_("Confirm by"), f"{shown.confirm_until.astimezone():%Y-%m-%d %H:%M:%S}"))
        lines.append((_("Time left"), output.seconds(shown.remaining_seconds or 0.0)))
    if shown.last is not None:
        lines.append((_("Last deployment"), f"{shown.last.generation}: {words.deployment(shown.last)}"))
    return lines
