"""The steps of a deployment, told on standard error while they happen."""

from __future__ import annotations

from rupost_cli import narration, output, words
from rupost_core.configuration.uptake import Step


def narrate(step: Step) -> None:
    """One line a step."""
    mark = {"done": "✓", "refused": "✗", "failed": "✗", "skipped": "–", "warning": "!"}[step.outcome]
    text = f"  {mark} {words.step(step.name)} {step.subject}".rstrip()
    narration.say(f"{text}  {output.seconds(step.seconds)}" + (f"  {step.message}" if step.message else ""))
