"""Rendering a template: sandboxed, strict about names, and strict about quoting.

Every value that a template prints must have passed through one of the quoting filters (quoting.py) or be a number:
a forgotten filter is an error that names file and line, not a hole.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Container, Iterator
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError, Undefined
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rupost_core.configuration.findings import Finding, RefusedTemplate, error
from rupost_core.configuration.library import Template
from rupost_core.configuration.model import RenderedFile, Surroundings
from rupost_core.configuration.parameters import Values
from rupost_core.configuration.quoting import FILTERS, Quoted
from rupost_core.configuration.schema import File
from rupost_core.directory.names import check_directory_name
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret

MAX_OUTPUT_BYTES = 4 * 1024 * 1024


def render(
    template: Template, values: Values, surroundings: Surroundings, only: Container[str] | None = None
) -> tuple[RenderedFile, ...]:
    """All files of one node, or `only` those paths, sorted by path.

    Raises RefusedTemplate naming file and line of every mistake.
    """
    rendered, findings = render_what_can_be(environment_for(template), template, values, surroundings, only)
    if findings:
        raise RefusedTemplate(
            template.title, findings, separator=": ", hint=_("Correct the template, or the parameter's value.")
        )
    return rendered


def render_what_can_be(
    environment: Environment,
    template: Template,
    values: Values,
    surroundings: Surroundings,
    only: Container[str] | None = None,
) -> tuple[tuple[RenderedFile, ...], list[Finding]]:
    """The files that could be rendered, and why the others could not.

    `environment` is the template's own (`environment_for`); sources are compiled once in it, however often rendered.
    """
    context = {"p": _Parameters(values), **surroundings.as_context()}
    rendered: list[RenderedFile] = []
    findings: list[Finding] = []
    for component, content in template.spec.components.items():
        for file in content.files:
            for name, extra in _instances(file, surroundings):
                path = f"{component}/{name}"
                if only is not None and path not in only:
                    continue
                try:
                    text = _render_file(environment, template, file, context | extra)
                except _Mistake as mistake:
                    if mistake.finding not in findings:
                        findings.append(mistake.finding)
                    continue
                rendered.append(
                    RenderedFile(component, path, file.owner, file.group, file.mode_bits, file.secret, text)
                )
    return tuple(sorted(rendered, key=lambda file: file.path)), findings


def _instances(file: File, surroundings: Surroundings) -> Iterator[tuple[str, dict[str, Any]]]:
    if file.for_each is None:
        yield file.path, {}
        return
    for item in surroundings.directories:
        # The name becomes part of a path: whatever put it into the database, it must not lead elsewhere.
        yield file.path.replace("{name}", check_directory_name(item.name)), {"item": item}


class _Parameters:
    """Parameters as attributes (`p.mail_host`); a misspelt one is undefined, and so an error."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]


BASE = "base:"


class Layers(BaseLoader):
    """Sources by path, the heir's before the base's. `base:PATH` looks past the template it stands in."""

    def __init__(self, template: Template) -> None:
        self._layers = template.layers

    def get_source(self, environment: Any, name: str) -> tuple[str, str, Callable[[], bool]]:
        level, path = self.find(name)
        if level is None:
            raise TemplateNotFound(path, _("there is no file {source} in the template.", source=path))
        return self._layers[level][path], name, lambda: True

    def find(self, name: str) -> tuple[int | None, str]:
        """(which layer holds it, its path); the layer is None when none does."""
        least, path = _split(name)
        for level in range(least, len(self._layers)):
            if path in self._layers[level]:
                return level, path
        return None, path


def _split(name: str) -> tuple[int, str]:
    """`base:base:x` → (2, "x")."""
    level = 0
    while name.startswith(BASE):
        level, name = level + 1, name[len(BASE) :]
    return level, name


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2's environment, with `base:` counted from the layer of the template that says it."""

    layers: Layers

    def join_path(self, template: str, parent: str) -> str:
        wanted, path = _split(template)
        if not wanted:
            return template
        level, _path = self.layers.find(parent)
        return BASE * ((level or 0) + wanted) + path


class _QuotedBlock(BlockReference):
    """What `super()` gives is a text of the base: all in it has been quoted."""

    def __call__(self) -> Quoted:
        return Quoted(super().__call__())


class _Context(Context):
    def super(self, name: str, current: Any) -> BlockReference | Undefined:
        found = super().super(name, current)
        if isinstance(found, BlockReference):
            return _QuotedBlock(found.name, self, found._stack, found._depth)
        return found


def environment_for(template: Template) -> Environment:
    """The sandbox in which the template's sources are parsed and rendered."""
    layers = Layers(template)
    environment = Environment(
        loader=layers,
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_insist_on_quoting,
        # A file is rendered once a compilation: folding its constants costs more than it saves.
        optimized=False,
    )
    environment.layers = layers
    environment.context_class = _Context
    environment.filters |= {name: _revealing(function) for name, function in FILTERS.items()}
    return environment


def _revealing(function: Callable[..., Quoted]) -> Callable[[Any], Quoted]:
    """A quoting filter that opens secrets, and takes no lists, empty values or truth values for text."""

    def apply(value: Any) -> Quoted:
        if isinstance(value, Undefined):
            str(value)  # raises UndefinedError, which names what is missing
        if isinstance(value, Secret):
            value = value.reveal()
        if isinstance(value, bool) or not isinstance(value, str | int):
            kind = type(value).__name__
            raise ValueError(_("a text is needed, not {kind}", kind=kind))
        return function(value)

    return apply


def _insist_on_quoting(value: Any) -> Any:
    if isinstance(value, Quoted) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(_("a value is printed without a quoting filter"))


# What an expression in a template can raise.
_FAULTS_OF_TEMPLATES = (
    SecurityError, JinjaError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip


class _Mistake(Exception):
    def __init__(self, source: str, line: int, reason: str) -> None:
        super().__init__(reason)
        self.finding = error(source, line, reason)


def _render_file(environment: Environment, template: Template, file: File, context: dict[str, Any]) -> str:
    try:
        pieces, size = [], 0
        for piece in environment.get_template(file.source).generate(context):
            size += len(piece)
            if size > MAX_OUTPUT_BYTES:
                raise _Mistake(file.source, 1, _("the file grew larger than 4 MiB"))
            pieces.append(piece)
        return "".join(pieces)
    except TemplateSyntaxError as problem:
        raise _Mistake(_path_of(problem.name or file.source), problem.lineno, problem.message or "") from problem
    except RecursionError as problem:
        endless = _("it calls or includes itself, or is nested too deeply")
        raise _Mistake(*_template_line(problem, template, file), endless) from problem
    except _FAULTS_OF_TEMPLATES as problem:
        said = getattr(problem, "message", None) or str(problem)
        raise _Mistake(*_template_line(problem, template, file), said) from problem


def _path_of(name: str) -> str:
    return _split(name)[1]


def _template_line(problem: BaseException, template: Template, file: File) -> tuple[str, int]:
    """The innermost template frame: Jinja2 rewrites tracebacks to carry template names and lines."""
    sources = template.sources
    frames = [
        (frame.filename, frame.lineno or 1)
        for frame in traceback.extract_tb(problem.__traceback__, limit=-200)
        if frame.filename == "<template>" or _path_of(frame.filename) in sources
    ]
    name, line = frames[-1] if frames else ("<template>", 1)
    return (file.source if name == "<template>" else _path_of(name)), line
