"""What is wrong with a template, and where: found all at once, not one a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from rupost_core.errors import TemplateError
from rupost_core.i18n import translate as _
from rupost_core.text import place

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """`file` is a path in the template; `line` counts from 1, None where there is none.

    An error keeps the template out of the library; a warning does not.
    """

    severity: Severity
    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        return f"{place(self.file, self.line)}: {self.reason}"


def error(file: str, line: int | None, reason: str) -> Finding:
    return Finding("error", file, line, reason)


def warning(file: str, line: int | None, reason: str) -> Finding:
    return Finding("warning", file, line, reason)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Each once, by file and line."""
    return sorted(set(findings), key=lambda one: (one.file, one.line or 0, one.severity, one.reason))


def errors_among(findings: Iterable[Finding]) -> list[Finding]:
    return [one for one in findings if one.severity == "error"]


class RefusedTemplate(TemplateError):
    """A template with errors; `findings` are those of them that have a place."""

    def __init__(self, origin: str, findings: list[Finding], *, separator: str = "/", hint: str = "") -> None:
        lines = [f"{origin}{separator}{finding}" for finding in findings]
        super().__init__(lines[0], details=lines[1:], hint=hint or _("Correct the file."))
        self.findings = findings

    def as_data(self) -> dict[str, Any]:
        places = [{"file": one.file, "line": one.line, "reason": one.reason} for one in self.findings]
        return {**super().as_data(), "findings": places}
