"""`rupost config drift | adopt | restore | override`: what was changed by hand, and the changes that are kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from rupost_cli import narration, output, words
from rupost_cli.files import read_file
from rupost_cli.session import open_core
from rupost_cli.steps import narrate
from rupost_cli.verbs import Noun, json_option
from rupost_core.configuration.drift import Drift
from rupost_core.configuration.override import OverrideUse
from rupost_core.configuration.three_way import DriftView
from rupost_core.errors import InputError
from rupost_core.host.commands import is_root
from rupost_core.i18n import translate as _

# config.py takes these over as its own.
verbs = Noun(_("Changes by hand."))
override = Noun(_("Changes by hand that are kept over the template."))
verbs.add_command(override, "override")

_secrets_option = click.option(
    "--show-secrets", is_flag=True, help=_("Show the lines of files that hold secrets too.")
)
_path_argument = click.argument("path", metavar=_("PATH"), help=_("A managed file, e.g. postfix/main.cf."))


@verbs.verb()
@_secrets_option
@json_option
def drift(show_secrets: bool, as_json: bool) -> None:
    """Show what was changed by hand in the live files, beside what was deployed and what would come next."""
    if not is_root():
        _show_noted(as_json=as_json)
        return
    with open_core() as core:
        report = core.drift.drift(show_secrets=show_secrets)
    if as_json:
        output.show_json(report)
        return
    if not report.views:
        narration.say(_("Every live file is as deployed."))
    if report.next_problem:
        narration.say(_("What the next deployment would give is not known: {reason}", reason=report.next_problem))
    for view in report.views:
        _show_view(view)


@verbs.verb()
@click.argument("paths", metavar=_("PATH..."), nargs=-1, help=_("Drifted files, e.g. postfix/main.cf."))
@click.option("--all", "everything", is_flag=True, help=_("Every drifted file."))
@json_option
def restore(paths: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Put the deployed files back; what was changed by hand is set aside."""
    if bool(paths) == everything:
        raise InputError(_("Name files, or say --all."), hint=_("See rupost config drift."))
    with open_core() as core:
        restored = core.drift.restore(paths, narrate, everything=everything)
    if as_json:
        output.show_json(restored)
        return
    if not restored.drifts:
        narration.say(_("Nothing to restore: as deployed."))
    for one in restored.drifts:
        narration.say(_("Restored: {path}", path=one.path))
    if restored.set_aside:
        narration.say(_("The changes by hand are in {folder}", folder=restored.set_aside))


@override.verb("list")
@json_option
def list_overrides(as_json: bool) -> None:
    """List the overrides and how each fits what the template gives now."""
    with open_core() as core:
        uses = core.override.overrides()
    if as_json:
        output.show_json(uses)
    else:
        show_uses(uses)


@override.verb()
@_path_argument
@_secrets_option
@json_option
def show(path: str, show_secrets: bool, as_json: bool) -> None:
    """Show what an override changes."""
    with open_core() as core:
        view = core.override.show(path, show_secrets=show_secrets)
    if as_json:
        output.show_json(view)
        return
    show_uses([view.use])
    if view.secret and not show_secrets:
        output.show_text("  " + _("(holds secrets: the lines are not shown)"))
    for line in view.diff:
        output.show_diff_line(line)


@override.verb()
@_path_argument
@click.option("--file", "file", metavar=_("FILE"), help=_("Take the text from this file instead of an editor."))
@click.option("--reason", metavar=_("TEXT"), default="", help=_("Why; by default the former reason."))
@json_option
def edit(path: str, file: str | None, reason: str, as_json: bool) -> None:
    """Change a file's text in $EDITOR, with its override laid over the template, and keep the result."""
    with open_core() as core:
        draft = core.override.draft(path)
        text = _edited(draft.text, draft.path) if file is None else _text(Path(file))
        if file is None and text == draft.text and not draft.conflicts:
            narration.say(_("Nothing was changed."))
            return
        use = core.override.edit(draft, text, reason)
    if as_json:
        output.show_json(use)
    elif use is None:
        narration.say(_("That is what the template gives: {path} has no override now.", path=draft.path))
    else:
        narration.say(_("The override of {path} is kept.", path=draft.path))
    narration.say(_NEXT)


@override.verb()
@_path_argument
@json_option
def drop(path: str, as_json: bool) -> None:
    """Give an override up."""
    with open_core() as core:
        dropped = core.override.drop(path)
    if as_json:
        output.show_json({"path": dropped.path, "author": dropped.author, "reason": dropped.reason})
        return
    narration.say(_("The override of {path} is dropped.", path=dropped.path))
    narration.say(_NEXT)


_NEXT = _("The next deployment makes it live: rupost config deploy")


def show_uses(uses: list[OverrideUse] | tuple[OverrideUse, ...]) -> None:
    """Overrides as a table."""
    output.show_table(
        [_("Override"), _("State"), _("Lines"), _("Author"), _("Reason")],
        [
            (
                use.path,
                words.override_state(use.state, use.conflict_lines),
                f"+{use.added_lines} -{use.removed_lines}",
                use.author,
                use.reason,
            )
            for use in uses
        ],
    )


def show_drifts(drifts: tuple[Drift, ...]) -> None:
    """Changes by hand as a table."""
    output.show_table(
        [_("Changed by hand"), _("What")],
        [(drift.path, ", ".join((words.drift(drift.kind), *drift.attributes))) for drift in drifts],
    )


def _show_view(shown: DriftView) -> None:
    what = ", ".join((words.drift(shown.drift.kind), *shown.drift.attributes))
    view = shown.view
    counts = f"  +{view.added_lines} -{view.removed_lines}" if view else ""
    output.show_text(f"\n{shown.drift.path}  {what}{counts}")
    if view is None:
        return
    if view.meets_next:
        output.show_text("  " + _("the next deployment changes the same lines: they follow, marked with >"))
    elif view.next_changes:
        output.show_text("  " + _("the next deployment changes other lines of this file"))
    if shown.secret and not view.diff:
        output.show_text("  " + _("(holds secrets: the lines are not shown)"))
    for line in view.diff:
        output.show_diff_line(line)


def _show_noted(*, as_json: bool) -> None:
    """For others than root: what the agent has noted of this node."""
    with open_core() as core:
        noted = core.drift.noted(core.settings.node_name)
    if as_json:
        output.show_json(noted)
        return
    narration.say(_("As the agent has noted it; root sees the files themselves."))
    output.show_table(
        [_("Changed by hand"), _("What"), _("When")],
        [(one.path, words.drift(one.kind), f"{one.seen_at.astimezone():%Y-%m-%d %H:%M:%S}") for one in noted],
    )


def _edited(text: str, path: str) -> str:
    """The text as the editor leaves it; the folder is readable by nobody else, as the text may hold secrets."""
    with tempfile.TemporaryDirectory(prefix="rupost-") as folder:
        file = Path(folder) / Path(path).name
        file.write_text(text, encoding="utf-8", newline="")
        click.edit(filename=str(file))
        return _text(file)


def _text(path: Path) -> str:
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        raise InputError(_("{path} is not a UTF-8 text.", path=path)) from error
