"""`rupost config`: plan, deploy, history, show, diff, rollback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from rupost_cli import narration, output
from rupost_cli.files import read_file
from rupost_cli.session import JSON_OPTION, Noun, open_core
from rupost_core.configuration.deploy import Step
from rupost_core.configuration.plan import FileChange, Plan
from rupost_core.configuration.service import Wish
from rupost_core.errors import InputError, NotFound
from rupost_core.i18n import translate as _

app = Noun(_("Plan, deploy and roll back the configuration."))

_TEMPLATE = typer.Option(None, "--template", help=_("A template of the library; the live one's by default."))
_VERSION = typer.Option(None, "--template-version", help=_("Its version; the newest by default."))
_SET = typer.Option([], "--set", metavar="NAME=VALUE", help=_("A parameter's value; may be repeated."))
_SET_FILE = typer.Option([], "--set-file", metavar="NAME=FILE", help=_("The same, read from a file."))
_DEFAULT = typer.Option([], "--default", metavar="NAME", help=_("Put a parameter back to its default."))


@app.command()
def plan(
    template: str = _TEMPLATE,
    version: str = _VERSION,
    values: list[str] = _SET,
    file_values: list[str] = _SET_FILE,
    defaults: list[str] = _DEFAULT,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what a deployment would change."""
    wish = _wish(template, version, values, file_values, defaults)
    with open_core() as core:
        planned = core.configuration.plan(wish)
    if as_json:
        output.show_json(planned)
    else:
        _show_plan(planned, with_diff=True)


@app.command()
def deploy(
    template: str = _TEMPLATE,
    version: str = _VERSION,
    values: list[str] = _SET,
    file_values: list[str] = _SET_FILE,
    defaults: list[str] = _DEFAULT,
    reason: str = typer.Option("", "--reason", help=_("Why; it stands in the history.")),
    force: bool = typer.Option(False, "--force", help=_("Deploy and restart everything even without a change.")),
    as_json: bool = JSON_OPTION,
) -> None:
    """Check the configuration, bring this node to it, and put the former one back if it does not serve."""
    wish = _wish(template, version, values, file_values, defaults)
    with open_core() as core:
        outcome = core.configuration.deploy(wish, reason, _narrate, force=force)
    if as_json:
        output.show_json(outcome)
    elif outcome.generation is None:
        narration.say(_("Nothing would change: generation {number} stays live.", number=outcome.plan.based_on))
    else:
        _show_plan(outcome.plan, with_diff=False)
        narration.say(_("Generation {number} is live.", number=outcome.generation.number))


@app.command()
def history(
    limit: int = typer.Option(20, "--limit", min=1, max=1000, help=_("At most so many generations.")),
    as_json: bool = JSON_OPTION,
) -> None:
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
                (f"{d.outcome}: {d.message}" if d.message else d.outcome) if d else "",
            )
            for g, d in rows
        ],
    )
    narration.say(_("* is live"))


@app.command()
def show(
    number: int = typer.Argument(None, help=_("A generation's number; the live one by default.")),
    file: str = typer.Option(None, "--file", help=_("Print this file of the generation.")),
    as_json: bool = JSON_OPTION,
) -> None:
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


@app.command()
def diff(
    old: int = typer.Argument(help=_("The older generation.")),
    new: int = typer.Argument(help=_("The newer generation.")),
    as_json: bool = JSON_OPTION,
) -> None:
    """Compare the files of two generations."""
    with open_core() as core:
        changes = core.configuration.diff(old, new)
    if as_json:
        output.show_json(changes)
    elif not changes:
        narration.say(_("The two generations have the same files."))
    else:
        _show_diff(changes)


@app.command()
def rollback(
    number: int = typer.Argument(help=_("The generation to go back to.")),
    as_json: bool = JSON_OPTION,
) -> None:
    """Bring this node back to a stored generation."""
    with open_core() as core:
        planned = core.configuration.rollback(number, _narrate)
    if as_json:
        output.show_json({"live": number, "plan": planned})
    else:
        _show_plan(planned, with_diff=False)
        narration.say(_("Generation {number} is live.", number=number))


def _wish(
    template: str | None, version: str | None, values: list[str], file_values: list[str], defaults: list[str]
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
    return Wish(template, version, given, tuple(defaults))


def _split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(
            _("{option} needs NAME=VALUE, not “{text}”.", option=option, text=text),
            hint=_("Example: --set message_size_limit=100M"),
        )
    return name.strip(), value


def _narrate(step: Step) -> None:
    names = {
        "stage": _("staged"),
        "check": _("checked"),
        "switch": _("switched"),
        "apply": _("applied"),
        "probe": _("probed"),
        "rollback": _("took back"),
    }
    mark = {"done": "✓", "refused": "✗", "failed": "✗"}[step.outcome]
    text = f"  {mark} {names[step.name]} {step.subject}".rstrip()
    narration.say(f"{text}  {step.seconds:.2f} s" + (f"  {step.message}" if step.message else ""))


def _show_plan(planned: Plan, *, with_diff: bool) -> None:
    base = planned.based_on if planned.based_on is not None else "-"
    output.show_text(_("Template {template}, from generation {base}", template=planned.template, base=base))
    for parameter in planned.parameters:
        output.show_pairs([(f"  {parameter.name}", f"{parameter.before or '-'} → {parameter.after or '-'}")])
    if planned.is_empty:
        output.show_text(_("Nothing would change."))
        return
    reactions = {
        "start": _("start"),
        "reload": _("reload"),
        "restart": _("restart"),
        "untouched": _("untouched"),
    }
    output.show_table(
        [_("Component"), _("Reaction"), _("Because of")],
        [(c.component, reactions[c.reaction], ", ".join(c.because)) for c in planned.components],
    )
    if with_diff and planned.based_on is not None:
        _show_diff(planned.files)


def _show_diff(changes: tuple[FileChange, ...]) -> None:
    for change in changes:
        output.show_text(f"\n{change.path}  +{change.added_lines} -{change.removed_lines}")
        if change.secret:
            output.show_text("  " + _("(holds secrets: the lines are not shown)"))
        for line in change.diff:
            output.show_diff_line(line)


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
