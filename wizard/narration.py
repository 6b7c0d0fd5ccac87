"""What the silent wizard shows. Narration goes to standard error; standard output has the result and nothing else."""

from __future__ import annotations

import json
import sys
from typing import Any

from rupost_core.errors import RupostError
from rupost_core.i18n import language
from rupost_core.i18n import translate as _
from rupost_core.text import printable
from wizard.flow import Outcome, Report
from wizard.steps import STEPS, Step


class Narration:
    """Steps as they go by, and how it ended: for a person, or as one JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._reports: list[Report] = []

    def say(self, text: str) -> None:
        _err(printable(text) + "\n")

    def began(self, step: Step) -> None:
        _err(f"[{step.number}/{len(STEPS)}] {step.title} … ")

    def ended(self, report: Report) -> None:
        self._reports.append(report)
        _err(f"{_how(report)}\n")
        if report.message and report.outcome is not Outcome.FAILED:
            _err(f"      {printable(report.message)}\n")

    def succeeded(self, config: str, panel: str) -> None:
        if self._as_json:
            _out(json.dumps({"ok": True, "steps": self._steps(), "config": config, "panel": panel},
                            ensure_ascii=False, indent=2) + "\n")  # fmt: skip
            return
        commands = (
            ("rupost directory add …", _("connect a directory of people")),
            ("rupost domain add …", _("add a mail domain")),
            ("rupost config deploy", _("put the mail configuration into effect")),
        )
        width = max(len(command) for command, _purpose in commands)
        lines = [_("RuPost is set up. The panel: {url}", url=panel), _("Next:")]
        lines += [f"  {command:<{width}}  {purpose}" for command, purpose in commands]
        _out("\n".join(lines) + "\n")

    def failed(self, error: RupostError) -> None:
        if self._as_json:
            _out(json.dumps({"ok": False, "error": error.as_data(), "steps": self._steps()},
                            ensure_ascii=False, indent=2) + "\n")  # fmt: skip
            return
        bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
        _err(f"{bold}{error.title}{plain}: {printable(error.message)}\n")
        for detail in error.details:
            _err(f"  {printable(detail)}\n")
        if error.hint:
            _err(_("What to do: {hint}", hint=printable(error.hint)) + "\n")

    def _steps(self) -> list[dict[str, Any]]:
        return [report.as_data() for report in self._reports]


def _how(report: Report) -> str:
    seconds = f"{report.seconds:.1f}"
    if language() == "ru":
        seconds = seconds.replace(".", ",")
    if report.outcome is Outcome.DONE:
        return _("done ({seconds} s)", seconds=seconds)
    if report.outcome is Outcome.PRESENT:
        return _("already there ({seconds} s)", seconds=seconds)
    if report.outcome is Outcome.SKIPPED:
        return _("services left alone ({seconds} s)", seconds=seconds)
    return _("failed ({seconds} s)", seconds=seconds)


def _out(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _err(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
