"""Rendering a template: sandboxed, strict about names, and strict about quoting.

Every value that a template prints must have passed through one of the quoting filters (quoting.py) or be a number:
a forgotten filter is an error that names file and line, not a hole.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Container, Iterator
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rupost_core.configuration.library import Template
from rupost_core.configuration.model import RenderedFile, Surroundings
from rupost_core.configuration.parameters import Values
from rupost_core.configuration.quoting import FILTERS, Quoted
from rupost_core.configuration.schema import File
from rupost_core.directory.names import check_directory_name
from rupost_core.errors import TemplateError
from rupost_core.i18n import translate as _
from rupost_core.secret import Secret
from rupost_core.text import place

MAX_OUTPUT_BYTES = 4 * 1024 * 1024


def render(
    template: Template, values: Values, surroundings: Surroundings, only: Container[str] | None = None
) -> tuple[RenderedFile, ...]:
    """All files of one node, or `only` those paths, sorted by path.

    Raises TemplateError naming the template's file and line.
    """
    environment = _environment(template)
    context = {"p": _Parameters(values), **surroundings.as_context()}
    rendered = [
        RenderedFile(
            component=component,
            path=f"{component}/{path}",
            owner=file.owner,
            group=file.group,
            mode=file.mode_bits,
            secret=file.secret,
            content=_render_file(environment, template, file, context | extra),
        )
        for component, content in template.spec.components.items()
        for file in content.files
        for path, extra in _instances(file, surroundings)
        if only is None or f"{component}/{path}" in only
    ]
    return tuple(sorted(rendered, key=lambda file: file.path))


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


def _environment(template: Template) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(template.files)),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_insist_on_quoting,
        # A file is rendered once a compilation: folding its constants costs more than it saves.
        optimized=False,
    )
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


def _render_file(
    environment: ImmutableSandboxedEnvironment, template: Template, file: File, context: dict[str, Any]
) -> str:
    try:
        text = environment.get_template(file.source).render(context)
    except TemplateSyntaxError as error:
        raise _error(template, error.name or file.source, error.lineno, error.message or "") from error
    except UndefinedError as error:
        raise _error(template, file.source, _template_line(error, template), error.message or "") from error
    except (SecurityError, JinjaError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise _error(template, file.source, _template_line(error, template), str(error)) from error
    if len(text) > MAX_OUTPUT_BYTES:
        raise _error(template, file.source, 1, _("the file grew larger than 4 MiB"))
    return text


def _template_line(error: BaseException, template: Template) -> int:
    """The line of the innermost template frame: Jinja2 rewrites tracebacks to carry template names and lines."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename == "<template>" or f.filename in template.files
    ]
    return frames[-1].lineno or 1 if frames else 1


def _error(template: Template, source: str, line: int, reason: str) -> TemplateError:
    return TemplateError(
        f"{template.title}: {place(source, line)}: {reason}",
        hint=_("Correct the template, or the parameter's value."),
    )
