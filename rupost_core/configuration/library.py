"""Reading templates: a folder (or a mapping of path to text) with template.yaml and the files that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rupost_core.configuration import marked_yaml
from rupost_core.configuration.schema import TemplateSpec
from rupost_core.errors import TemplateError
from rupost_core.i18n import translate as _
from rupost_core.text import nearest, place

SPEC_FILE = "template.yaml"
_PACKAGED = Path(__file__).parent.parent / "_templates"
_CHECKOUT = Path(__file__).parent.parent.parent / "templates"
_MAX_FILES = 200
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Template:
    """A template ready to render: what template.yaml says, and the text of every file beside it by its path."""

    spec: TemplateSpec
    files: Mapping[str, str]

    @property
    def title(self) -> str:
        return f"{self.spec.name} {self.spec.version}"


def builtin_folder() -> Path:
    """Where the built-in templates lie: in the installed package, or in the checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def builtin_templates() -> list[Template]:
    return [load_folder(folder) for folder in sorted(builtin_folder().iterdir()) if folder.is_dir()]


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
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(_("{file} cannot be read: {reason}", file=path, reason=error)) from error
    return load(files, str(folder))


def load(files: Mapping[str, str], origin: str) -> Template:
    """A template from its files' texts; `origin` is what errors call the place they came from."""
    if SPEC_FILE not in files:
        raise TemplateError(
            _("{origin} holds no {file}.", origin=origin, file=SPEC_FILE),
            hint=_("A template is a folder with template.yaml and the files that it renders."),
        )
    where = f"{origin}/{SPEC_FILE}"
    marked = marked_yaml.load(files[SPEC_FILE], where)
    try:
        spec = TemplateSpec.model_validate(marked.data)
    except ValidationError as error:
        problems = [_describe(problem, marked, where) for problem in error.errors()]
        raise TemplateError(problems[0], details=problems[1:], hint=_("Correct the file.")) from error
    for component, content in spec.components.items():
        for index, file in enumerate(content.files):
            if file.source not in files:
                line = marked.line_of(("components", component, "files", index, "source"))
                raise TemplateError(
                    _(
                        "{place}: there is no file {source} in the template.",
                        place=place(where, line),
                        source=file.source,
                    )
                    + nearest(file.source, files)
                )
    return Template(spec, files)


def _describe(problem: Any, marked: marked_yaml.MarkedYaml, where: str) -> str:
    location = tuple(part for part in problem["loc"] if not _is_type_label(part))
    key = ".".join(str(part) for part in location)
    return f"{place(where, marked.line_of(location))}: {key}: {_reason(problem, location)}"


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


def _is_type_label(part: str | int) -> bool:
    """Pydantic puts labels such as `int` and `[key]` among the keys of a union or a mapping."""
    return isinstance(part, str) and (part == "[key]" or part in ("bool", "int", "str", "list[union[bool,int,str]]"))


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
