"""Sentences that several verbs of `rupost cert` say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rupost_cli import narration
from rupost_core.i18n import translate as _
from rupost_core.text import printable

if TYPE_CHECKING:
    from rupost_core.certificates.model import Kind
    from rupost_core.certificates.verification import Verdict


def warn(verdict: Verdict) -> None:
    """What was found and does not stop anything."""
    for finding in verdict.warnings:
        narration.say(f"  ! {printable(finding.message)}")
        if finding.hint:
            narration.say(f"    {printable(finding.hint)}")


def say_when_it_serves(kind: Kind) -> None:
    if kind == "mail":
        narration.say(_("It serves after the next deployment: rupost config deploy"))
    else:
        narration.say(_("The panel uses it after: systemctl restart rupost (on every node)"))
