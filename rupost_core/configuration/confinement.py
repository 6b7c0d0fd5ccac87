"""Rendering and examining a custom template in a child process that can do nothing else.

A custom template is a program that somebody wrote. Jinja2's sandbox keeps it from Python's objects, but not from
eating time and memory, and sandboxes have had holes. So it is run by a fresh interpreter
(`python -I -m rupost_core.configuration.render_child`) that util-linux's unshare, setpriv and prlimit have confined
before it starts:

* as nobody, without capabilities and without a way to get any (no-new-privs),
* in a network namespace that has no network,
* no file can be written and no process started; 256 MiB of address space,
* limits on CPU time, wall time and output.

Template, values and surroundings go in on standard input, the rendered files come back on standard output; passwords
are on no command line and in no environment. Without root the network is shut off by a user namespace; where the
kernel allows none, the template is refused: it is never run unconfined.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rupost_core.configuration import wire
from rupost_core.configuration.findings import Finding, RefusedTemplate
from rupost_core.configuration.library import Template
from rupost_core.configuration.model import RenderedFile, Surroundings
from rupost_core.configuration.parameters import Values
from rupost_core.configuration.render import environment_for, render, render_what_can_be
from rupost_core.directory.names import check_directory_name
from rupost_core.errors import CommandFailed, TemplateError
from rupost_core.host.commands import Ended, is_root, run_untrusting
from rupost_core.i18n import language
from rupost_core.i18n import translate as _

SECONDS = 5
# A template can only compute, so a longer wall time means a busy machine: that alone is no fault of the template.
WALL_SECONDS = 20
MEMORY_BYTES = 256 * 1024 * 1024
OUTPUT_BYTES = 64 * 1024 * 1024
_CHILD = "rupost_core.configuration.render_child"
_MEMORY_EXIT = 70  # render_child.py


@dataclass(frozen=True)
class Examined:
    """What the sources are like. `files` are the rendered ones of each case."""

    findings: list[Finding]
    unused_parameters: list[str]
    files: tuple[tuple[RenderedFile, ...], ...]


def render_any(template: Template, values: Values, surroundings: Surroundings) -> tuple[RenderedFile, ...]:
    """Built-in templates here, custom ones in the child; raises TemplateError."""
    if template.spec.kind == "builtin":
        return render(template, values, surroundings)
    answer = _ask(template, "render", [(values, surroundings)])
    if any(answer["findings"]):
        findings = [Finding(**one) for one in answer["findings"][0]]
        raise RefusedTemplate(
            template.title, findings, separator=": ", hint=_("Correct the template, or the parameter's value.")
        )
    return tuple(wire.read_file(file) for file in answer["files"][0])


def render_variants(
    template: Template, variants: list[Values], surroundings: Surroundings, only: Collection[str] | None = None
) -> list[tuple[RenderedFile, ...] | None]:
    """All files, or those paths `only`, for each set of values; None where the template cannot do with the values.

    Raises TemplateError when all together take too much.
    """
    if template.spec.kind == "builtin":
        environment = environment_for(template)
        done = [render_what_can_be(environment, template, values, surroundings, only) for values in variants]
        return [None if findings else files for files, findings in done]
    answer = _ask(template, "render", [(values, surroundings) for values in variants], only)
    return [
        None if findings else tuple(wire.read_file(file) for file in files)
        for files, findings in zip(answer["files"], answer["findings"], strict=True)
    ]


def examine_sources(template: Template, cases: list[tuple[Values, Surroundings]]) -> Examined:
    """Reads the sources, and renders them once for each case; raises TemplateError when it takes too much."""
    answer = _ask(template, "examine", cases)
    files = tuple(tuple(wire.read_file(file) for file in case) for case in answer["files"])
    findings = [Finding(**one) for one in answer["sources"]]
    places = {(one.file, one.line) for one in findings}
    for case in answer["findings"]:
        # What is known already would only be said twice, in other words.
        findings += [one for one in (Finding(**each) for each in case) if (one.file, one.line) not in places]
    return Examined(findings, answer["unused"], files)


def _ask(
    template: Template,
    task: str,
    cases: list[tuple[Values, Surroundings]],
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    for _values, surroundings in cases:
        for directory in surroundings.directories:
            check_directory_name(directory.name)
    question = {
        "only": None if only is None else list(only),
        "task": task,
        "language": language(),
        "template": wire.write_template(template),
        "cases": [
            {"values": wire.write_values(values), "surroundings": wire.write_surroundings(surroundings)}
            for values, surroundings in cases
        ],
    }
    ended = run_untrusting(
        _command(), stdin=json.dumps(question).encode(), timeout=WALL_SECONDS, most_output=OUTPUT_BYTES
    )
    reason = _why_it_ended(ended)
    if reason:
        raise TemplateError(f"{template.title}: {reason}", hint=_("Correct the template."))
    try:
        answer: dict[str, Any] = json.loads(ended.stdout)
    except ValueError as error:
        raise _cannot_confine(ended) from error
    return answer


def _command() -> list[str]:
    limits = [f"--as={MEMORY_BYTES}", f"--cpu={SECONDS}", "--nproc=0", "--fsize=0", "--nofile=64", "--core=0"]
    interpreter = [sys.executable, "-I", "-B", "-m", _CHILD]
    if is_root():
        account = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
        namespaces = ["--net", "--ipc"]
    else:
        account, namespaces = [], ["--user", "--net", "--ipc"]
    return [
        "/usr/bin/unshare", *namespaces, "--",
        "/usr/bin/setpriv", *account, "--no-new-privs",
        "/usr/bin/prlimit", *limits, "--", *interpreter,
    ]  # fmt: skip


def _why_it_ended(ended: Ended) -> str:
    """In words, or "" when it gave an answer."""
    if ended.cut_short == "time" or ended.exit_code in (-signal.SIGXCPU, -signal.SIGKILL):
        return _("rendering took longer than {seconds} s and was stopped", seconds=SECONDS)
    if ended.cut_short == "output":
        return _("it produced more than {limit} MiB and was stopped", limit=OUTPUT_BYTES // 2**20)
    if ended.exit_code == _MEMORY_EXIT or b"MemoryError" in ended.stderr:
        return _("it needed more than {limit} MiB of memory and was stopped", limit=MEMORY_BYTES // 2**20)
    if ended.exit_code < 0:
        return _("rendering was stopped by signal {number}", number=-ended.exit_code)
    if ended.exit_code:
        raise _cannot_confine(ended)
    return ""


def _cannot_confine(ended: Ended) -> CommandFailed:
    said = ended.stderr.decode(errors="replace").strip()[-500:]
    return CommandFailed(
        _("The confined process for custom templates did not work ({code}): {said}", code=ended.exit_code, said=said),
        hint=_("Custom templates are never rendered without it. Run the command as root."),
    )
