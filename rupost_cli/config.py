"""`rupost config`: plan, deploy, confirm, status, history, show, diff, rollback, adopt; drift.py has the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rupost_cli import drift, narration, output, words
from rupost_cli.cert_show import say_what_the_panel_waits_for
from rupost_cli.deployment import confirm, duration, status
from rupost_cli.files import read_file
from rupost_cli.plan_view import show_diff, show_plan
from rupost_cli.session import open_core
from rupost_cli.steps import narrate
from rupost_cli.verbs import Noun, Whole, json_option
from rupost_core.configuration.drafting import Wish
from rupost_core.configuration.service import Manner, Outcome
from rupost_core.configuration.walls import WALLS
from rupost_core.errors import InputError, NotFound
from rupost_core.i18n import translate as _

app = Noun(_("Plan, deploy and roll back the configuration."))

_WISH = (
    click.option("--template", metavar=_("NAME"), help=_("A template of the library; the live one's by default.")),
    click.option("--template-version", "version", metavar=_("VERSION"),
                 help=_("Its version; the newest by default.")),
    click.option("--set", "values", metavar=_("NAME=VALUE"), multiple=True,
                 help=_("A parameter's value; may be repeated.")),
    click.option("--set-file", "file_values", metavar=_("NAME=FILE"), multiple=True,
                 help=_("The same, read from a file.")),
    click.option("--default", "defaults", metavar=_("NAME"), multiple=True,
                 help=_("Put a parameter back to its default.")),
)  # fmt: skip


def _wish_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say what to deploy; `_wish` reads them."""
    for option in reversed(_WISH):
        function = option(function)
    return function


_MANNER = (
    click.option("--skip-wall", "skip", type=click.Choice(WALLS), multiple=True,
                 help=_("Leave a wall out; the journal keeps it. May be repeated.")),
    click.option("--discard-drift", is_flag=True,
                 help=_("Go on although live files were changed by hand; the changes are set aside.")),
    click.option("--confirm-within", "confirm_within", metavar=_("DURATION"), callback=duration,
                 help=_("Take the former generation back unless rupost config confirm comes in time: 10s to 24h.")),
)  # fmt: skip


def _manner_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say how to deploy or roll back."""
    for option in reversed(_MANNER):
        function = option(function)
    return function


def _manner(options: dict[str, Any], *, force: bool = False) -> Manner:
    """Takes the options of `_manner_options` out of a command's options."""
    skip, confirm_within, discard = (options.pop(key) for key in ("skip", "confirm_within", "discard_drift"))
    return Manner(force, frozenset(skip), confirm_within, discard)


@app.verb()
@_wish_options
@json_option
def plan(as_json: bool, **wanted: Any) -> None:
    """Show what a deployment would change."""
    wish = _wish(**wanted)
    with open_core() as core:
        planned = core.configuration.plan(wish)
    if as_json:
        output.show_json(planned)
    else:
        show_plan(planned, with_diff=True)


@app.verb()
@_wish_options
@click.option("--reason", metavar=_("TEXT"), default="", help=_("Why; it stands in the history."))
@click.option("--force", is_flag=True, help=_("Deploy and restart everything even without a change."))
@_manner_options
@json_option
def deploy(reason: str, force: bool, as_json: bool, **wanted: Any) -> None:
    """Check the configuration, bring this node to it, and put the former one back if it does not serve."""
    manner = _manner(wanted, force=force)
    wish = _wish(**wanted)
    with open_core() as core:
        outcome = core.configuration.deploy(wish, reason, narrate, manner)
        say_what_the_panel_waits_for(core)
    _show_outcome(outcome, as_json=as_json)


@app.verb()
@click.argument("paths", metavar=_("PATH..."), nargs=-1, required=True,
                help=_("Files that were changed by hand, e.g. postfix/main.cf."))  # fmt: skip
@click.option("--reason", metavar=_("TEXT"), required=True, help=_("Why; it stands in the history and the journal."))
@_manner_options
@json_option
def adopt(paths: tuple[str, ...], reason: str, as_json: bool, **manner: Any) -> None:
    """Keep changes by hand as overrides, and deploy a generation that holds them."""
    with open_core() as core:
        outcome = core.drift.adopt(paths, reason, narrate, _manner(manner))
    _show_outcome(outcome, as_json=as_json)


def _show_outcome(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        output.show_json(outcome)
    elif outcome.generation is None:
        narration.say(_("Nothing would change: generation {number} stays live.", number=outcome.plan.based_on))
    else:
        show_plan(outcome.plan, with_diff=False)
        _say_live(outcome.generation.number, outcome)


app.add_command(confirm)
app.add_command(status)


@app.verb()
@click.option("--limit", metavar=_("COUNT"), type=Whole(1, 1000), default=20, show_default=True,
              help=_("At most so many generations."))  # fmt: skip
@json_option
def history(limit: int, as_json: bool) -> None:
    """List the generations, the newest first."""
    with open_core() as core:
        rows = core.configuration.history(limit)
        live = core.configuration.live.current()
    if as_json:
        output.show_json([{"generation": g, "deployment": d, "live": g.number == live} for g, d in rows])
        return
    output.show_table(
        [_("Number"), _("When"), _("Template"), _("Author"), _("Reason"), _("Outcome")],
        [
            (
                f"{g.number}{' *' if g.number == live else ''}",
                f"{g.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
                g.template,
                g.author,
                g.reason,
                words.deployment(d) if d else "",
            )
            for g, d in rows
        ],
    )
    narration.say(_("* is live"))


@app.verb()
@click.argument("number", metavar=_("[NUMBER]"), type=Whole(), required=False,
                help=_("A generation's number; the live one by default."))  # fmt: skip
@click.option("--file", metavar=_("FILE"), help=_("Print this file of the generation."))
@json_option
def show(number: int | None, file: str | None, as_json: bool) -> None:
    """Show a generation: origin, parameters, files."""
    with open_core() as core:
        view = core.configuration.show(number)
    if file is not None:
        _show_file(view.files, file)
        return
    listed = [
        {"path": f.path, "owner": f.owner, "group": f.group, "mode": f"{f.mode:04o}", "secret": f.secret,
         "lines": len(f.lines)}
        for f in view.files
    ]  # fmt: skip
    if as_json:
        output.show_json(
            {"generation": view.generation, "live": view.live, "parameters": view.parameters, "files": listed}
        )
        return
    generation = view.generation
    output.show_pairs(
        [
            (_("Number"), generation.number),
            (_("Live"), _("yes") if view.live else _("no")),
            (_("Template"), generation.template),
            (_("Based on"), generation.based_on),
            (_("Author"), generation.author),
            (_("Reason"), generation.reason),
            (_("When"), f"{generation.created_at.astimezone():%Y-%m-%d %H:%M:%S}"),
        ]
    )
    output.show_text("")
    output.show_pairs(view.parameters.items())
    output.show_text("")
    output.show_table(
        [_("File"), _("Owner"), _("Mode"), _("Lines")],
        [(f["path"], f"{f['owner']}:{f['group']}", f["mode"], f["lines"]) for f in listed],
    )


@app.verb()
@click.argument("old", metavar=_("OLD"), type=Whole(), help=_("The older generation."))
@click.argument("new", metavar=_("NEW"), type=Whole(), help=_("The newer generation."))
@json_option
def diff(old: int, new: int, as_json: bool) -> None:
    """Compare the files of two generations."""
    with open_core() as core:
        changes = core.configuration.diff(old, new)
    if as_json:
        output.show_json(changes)
    elif not changes:
        narration.say(_("The two generations have the same files."))
    else:
        show_diff(changes)


@app.verb()
@click.argument("number", metavar=_("NUMBER"), type=Whole(), help=_("The generation to go back to."))
@_manner_options
@json_option
def rollback(number: int, as_json: bool, **manner: Any) -> None:
    """Bring this node back to a stored generation."""
    with open_core() as core:
        outcome = core.configuration.rollback(number, narrate, _manner(manner))
    if as_json:
        output.show_json({"live": number, "plan": outcome.plan, "confirm_until": outcome.confirm_until})
        return
    if outcome.generation is not None:
        show_plan(outcome.plan, with_diff=False)
    _say_live(number, outcome)


def _say_live(number: int, outcome: Outcome) -> None:
    narration.say(_("Generation {number} is live.", number=number))
    if outcome.confirm_until is not None:
        narration.say(
            _("It stays only if it is confirmed by {time}: rupost config confirm",
              time=f"{outcome.confirm_until.astimezone():%Y-%m-%d %H:%M:%S}")
        )  # fmt: skip


def _wish(
    template: str | None,
    version: str | None,
    values: tuple[str, ...],
    file_values: tuple[str, ...],
    defaults: tuple[str, ...],
) -> Wish:
    given: dict[str, Any] = {}
    for text in values:
        name, value = _split(text, "--set")
        given[name] = value
    for text in file_values:
        name, path = _split(text, "--set-file")
        try:
            given[name] = read_file(Path(path)).decode().removesuffix("\n")
        except UnicodeDecodeError as error:
            raise InputError(_("{path} is not a UTF-8 text.", path=path)) from error
    return Wish(template, version, given, defaults)


def _split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(
            _("{option} needs NAME=VALUE, not “{text}”.", option=option, text=text),
            hint=_("Example: --set message_size_limit=100M"),
        )
    return name.strip(), value


def _show_file(files: tuple[Any, ...], path: str) -> None:
    for file in files:
        if file.path == path:
            if file.secret:
                raise InputError(
                    _("{path} holds secrets and is not shown.", path=path),
                    hint=_("As root, look at it below /var/lib/rupost/configuration/live."),
                )
            output.show_text(file.content)
            return
    raise NotFound(_("The generation has no file {path}.", path=path), hint=_("List them: rupost config show"))


for _name, _command in drift.verbs.commands.items():
    app.add_command(_command, _name)
