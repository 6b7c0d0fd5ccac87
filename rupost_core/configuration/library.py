"""Reading templates: a folder (or a mapping of path to text) with template.yaml and the files that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rupost_core.components.versions import within
from rupost_core.configuration import marked_yaml
from rupost_core.configuration.findings import Finding, RefusedTemplate, error
from rupost_core.configuration.inheritance import MAX_LEVELS, merge
from rupost_core.configuration.schema import TemplateSpec
from rupost_core.errors import InputError, NotFound, TemplateError
from rupost_core.i18n import translate as _
from rupost_core.text import nearest

SPEC_FILE = "template.yaml"
_PACKAGED = Path(__file__).parent.parent / "_templates"
_CHECKOUT = Path(__file__).parent.parent.parent / "templates"
_MAX_FILES = 200
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Template:
    """A template ready to render: what template.yaml and its bases say together, and the texts of its own files.

    `base` is the template that this one extends.
    """

    spec: TemplateSpec
    files: Mapping[str, str]
    base: Template | None = None

    @property
    def title(self) -> str:
        return f"{self.spec.name} {self.spec.version}"

    @property
    def layers(self) -> list[Mapping[str, str]]:
        """The files of this template, of its base, of the base's base."""
        return [self.files, *(self.base.layers if self.base else [])]

    @property
    def sources(self) -> dict[str, str]:
        """Every file by its path, the heir's before the base's."""
        return {path: text for layer in reversed(self.layers) for path, text in layer.items()}


# Finds the template of a name whose version is in a range (None: any); raises InputError.
FindBase = Callable[[str, str | None], Template]


def builtin_folder() -> Path:
    """Where the built-in templates lie: in the installed package, or in the checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def builtin_templates() -> list[Template]:
    return [load_folder(folder) for folder in sorted(builtin_folder().iterdir()) if folder.is_dir()]


def find_builtin(name: str, versions: str | None) -> Template:
    """The packaged template of that name; raises NotFound."""
    return among(builtin_templates(), name, versions)


def among(templates: list[Template], name: str, versions: str | None) -> Template:
    """The first of the templates with the name and a version in the range; raises NotFound."""
    named = [one for one in templates if one.spec.name == name]
    for one in named:
        if versions is None or within(one.spec.version, versions):
            return one
    if named:
        raise NotFound(
            _("the base {name} is there in {versions}, and none is {wanted}",
              name=name, versions=", ".join(one.spec.version for one in named), wanted=versions)
        )  # fmt: skip
    raise NotFound(
        _("there is no template {name} to extend.", name=name) + nearest(name, [one.spec.name for one in templates])
    )


def load_folder(folder: Path) -> Template:
    """Raises TemplateError naming the file, line and key."""
    files: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        name = str(path.relative_to(folder))
        if len(files) >= _MAX_FILES or path.stat().st_size > _MAX_FILE_BYTES:
            raise TemplateError(_("{file}: too many files, or a file larger than 1 MiB.", file=path))
        try:
            files[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise TemplateError(_("{file} cannot be read: {reason}", file=path, reason=problem)) from problem
    return load(files, str(folder))


def load(files: Mapping[str, str], origin: str, find_base: FindBase = find_builtin) -> Template:
    """A template from its files' texts; `origin` is what errors call the place they came from.

    Raises RefusedTemplate with everything that is wrong.
    """
    found = examine(files, find_base)
    if found.template is None or found.findings:
        raise RefusedTemplate(origin, found.findings)
    return found.template


@dataclass(frozen=True)
class Examination:
    """`template` is None when it has not even a template's form. `marked` is what it and its base say together."""

    template: Template | None
    findings: list[Finding]
    marked: marked_yaml.MarkedYaml
    base: Template | None = None


def examine(files: Mapping[str, str], find_base: FindBase) -> Examination:
    """Reads template.yaml, finds the base, and checks what both say together; nothing is rendered."""
    nothing = marked_yaml.MarkedYaml(None, {})
    if SPEC_FILE not in files:
        missing = _("it is missing; a template is a folder with template.yaml and the files that it renders")
        return Examination(None, [error(SPEC_FILE, None, missing)], nothing)
    try:
        marked = marked_yaml.load(files[SPEC_FILE], SPEC_FILE)
    except marked_yaml.BadYaml as problem:
        return Examination(None, [error(SPEC_FILE, problem.line, problem.reason)], nothing)
    findings: list[Finding] = []
    base = None
    if isinstance(marked.data, dict) and (wish := _wanted_base(marked.data)):
        try:
            base = _base_for(marked.data, *wish, find_base)
        except InputError as problem:
            return Examination(None, [error(SPEC_FILE, marked.line_of(("extends",)), problem.message)], marked)
        marked, findings = merge(base.spec, marked, SPEC_FILE)
    try:
        spec = TemplateSpec.model_validate(marked.data)
    except ValidationError as problem:
        findings += [_describe(one, marked) for one in problem.errors()]
        return Examination(None, findings, marked, base)
    template = Template(spec, files, base)
    return Examination(template, findings + list(_contradictions(template, marked)), marked, base)


def _wanted_base(data: dict[str, Any]) -> tuple[str, str | None] | None:
    """(name, range of versions) under `extends`; None when it is not there, or not of its form."""
    wish = data.get("extends")
    name, versions = (wish.get("template"), wish.get("versions")) if isinstance(wish, dict) else (wish, None)
    if not isinstance(name, str) or not isinstance(versions, str | None):
        return None
    return name, versions


def _base_for(data: dict[str, Any], name: str, versions: str | None, find_base: FindBase) -> Template:
    if name == data.get("name"):
        raise TemplateError(_("a template cannot extend itself"))
    base = find_base(name, versions)
    if len(base.layers) >= MAX_LEVELS:
        raise TemplateError(_("more than {most} templates would extend one another", most=MAX_LEVELS))
    return base


def _contradictions(template: Template, marked: marked_yaml.MarkedYaml) -> Iterator[Finding]:
    sources = template.sources
    for component, content in template.spec.components.items():
        place = ("components", component)
        if content.drop and template.base is None:
            yield error(SPEC_FILE, marked.line_of((*place, "drop")), _("“drop” needs “extends”"))
        lines: dict[str, int] = {}
        for index, file in enumerate(content.files):
            line = marked.line_of((*place, "files", index, "source"))
            if file.source not in sources:
                missing = _("there is no file {source} in the template.", source=file.source)
                yield error(SPEC_FILE, line, missing + nearest(file.source, sources))
            if file.path in lines:
                again = _("the path {path} stands on line {line} already", path=file.path, line=lines[file.path])
                yield error(SPEC_FILE, line, again)
            lines.setdefault(file.path, line)


def _describe(problem: Any, marked: marked_yaml.MarkedYaml) -> Finding:
    location = tuple(part for part in problem["loc"] if not _is_type_label(part))
    key = ".".join(str(part) for part in location)
    reason = _reason(problem, location)
    return error(SPEC_FILE, marked.line_of(location), f"{key}: {reason}" if key else reason)


def _reason(problem: Any, location: tuple[str | int, ...]) -> str:
    """Pydantic's finding in the reader's language; what has no sentence of ours keeps Pydantic's."""
    context = problem.get("ctx", {})
    given = problem.get("input")
    match problem["type"]:
        case "extra_forbidden":
            return _("unknown key.") + nearest(str(location[-1]), _keys_allowed_at(location[:-1]))
        case "missing":
            return _("this key is missing")
        case "literal_error":
            choices = _words(context.get("expected", ""))
            return _("“{given}” is not one of: {choices}.", given=given, choices=", ".join(choices)) + nearest(
                str(given), choices
            )
        case "string_pattern_mismatch":
            return _("“{text}” does not have the form {pattern}", text=given, pattern=context.get("pattern"))
        case "value_error":
            return str(context.get("error"))
        case (
            "string_type"
            | "int_type"
            | "bool_type"
            | "list_type"
            | "dict_type"
            | "model_type"
            | "model_attributes_type"
        ):
            return _("“{given}” is of the wrong kind: {wanted} is needed", given=given, wanted=_kind(problem["type"]))
        case "string_too_short" | "too_short":
            return _("it must not be empty")
        case _other:
            return str(problem["msg"])


def _kind(error_type: str) -> str:
    """What Pydantic's `string_type`, `list_type`, … wanted, in words."""
    words = {
        "string": _("a text"),
        "int": _("a whole number"),
        "bool": _("true or false"),
        "list": _("a list"),
    }
    return words.get(error_type.split("_")[0], _("a mapping of keys to values"))


_TYPE_LABELS = ("[key]", "bool", "int", "str", "list[union[bool,int,str]]", "constrained-str", "Extends")


def _is_type_label(part: str | int) -> bool:
    """Pydantic puts labels such as `int` and `[key]` among the keys of a union or a mapping."""
    return isinstance(part, str) and part in _TYPE_LABELS


def _keys_allowed_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at the path declares."""
    model: Any = TemplateSpec
    for part in path:
        annotation = model.model_fields[part].annotation if _is_model(model) and part in model.model_fields else None
        model = _inner_model(annotation) if annotation is not None else model
    return list(model.model_fields) if _is_model(model) else []


def _inner_model(annotation: Any) -> Any:
    if _is_model(annotation):
        return annotation
    for argument in get_args(annotation):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _words(expected: str) -> list[str]:
    return [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
