"""Everything that can be found wrong with a template without deploying it, all at once, each with file and line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rupost_core.components import registry
from rupost_core.configuration.confinement import Examined, examine_sources
from rupost_core.configuration.findings import Finding, error, errors_among, in_order, warning
from rupost_core.configuration.library import SPEC_FILE, Examination, FindBase, Template, examine
from rupost_core.configuration.marked_yaml import MarkedYaml
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.sample_values import PARAMETER_SECRET, SECRETS, cases
from rupost_core.configuration.schema import Parameter, TemplateSpec
from rupost_core.configuration.specification_lint import about_specification
from rupost_core.errors import TemplateError
from rupost_core.i18n import translate as _


@dataclass(frozen=True)
class LintReport:
    """`template` is None when it has not even a template's form."""

    template: Template | None
    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        return errors_among(self.findings)


def lint(files: Mapping[str, str], find_base: FindBase) -> LintReport:
    """Reads the specification, examines the sources in the confined child, and renders them with made-up values."""
    found = examine(files, find_base)
    if found.template is None:
        return LintReport(None, in_order([*found.findings, *_about_sources_alone(files, found)]))
    template, marked = found.template, found.marked
    findings = [*found.findings, *about_specification(template, marked)]
    # What is wrong with the specification would only be told again by rendering.
    tried = [] if errors_among(findings) else list(cases(template.spec))
    try:
        findings += _about_sources(template, marked, examine_sources(template, tried))
    except TemplateError as problem:
        findings.append(error(SPEC_FILE, None, problem.message))
    return LintReport(template, in_order(findings))


def changes_of_base(used: Template, newest: Template) -> list[str]:
    """What a newer version of the base changes, a line each: parameters and files that came, went or differ."""
    old, new = used.spec.parameters, newest.spec.parameters
    told = [f"+ {name}" for name in new if name not in old]
    told += [f"- {name}" for name in old if name not in new]
    told += [f"~ {name}" for name in new if name in old and new[name] != old[name]]
    before, after = used.sources, newest.sources
    for path in sorted(before.keys() | after.keys()):
        if path != SPEC_FILE and before.get(path) != after.get(path):
            lines = list(difflib.ndiff(before.get(path, "").splitlines(), after.get(path, "").splitlines()))
            added = sum(line.startswith("+ ") for line in lines)
            removed = sum(line.startswith("- ") for line in lines)
            told.append(f"{path} +{added} -{removed}")
    return told


def _about_sources(template: Template, marked: MarkedYaml, examined: Examined) -> Iterator[Finding]:
    yield from examined.findings
    for name in examined.unused_parameters:
        text = _("no source uses the parameter {name}", name=name)
        yield warning(SPEC_FILE, marked.line_of(("parameters", name)), text)
    for files in examined.files:
        for file in files:
            if not file.secret and (leaked := _secrets_in(file)):
                text = _("it would hold {secrets} and is not marked “secret: true”", secrets=", ".join(leaked))
                yield error(SPEC_FILE, _line_of(file, template, marked), f"{file.path}: {text}")
            if not file.content.strip() and file.path in {one.main_file for one in registry.ALL.values()}:
                yield error(SPEC_FILE, _line_of(file, template, marked), _("{path} comes out empty", path=file.path))


def _secrets_in(file: RenderedFile) -> list[str]:
    names = [name for name, value in SECRETS.items() if value.strip() in file.content]
    return names + ([_("a secret parameter")] if PARAMETER_SECRET in file.content else [])


def _line_of(rendered: RenderedFile, template: Template, marked: MarkedYaml) -> int:
    for component, content in template.spec.components.items():
        for index, file in enumerate(content.files):
            pattern = f"{component}/{file.path}".split("{name}")
            if component == rendered.component and (
                rendered.path == pattern[0]
                or (len(pattern) > 1 and rendered.path.startswith(pattern[0]) and rendered.path.endswith(pattern[-1]))
            ):
                return marked.line_of(("components", component, "files", index, "path"))
    return 1


def _about_sources_alone(files: Mapping[str, str], found: Examination) -> list[Finding]:
    """Mistakes in the sources of a template whose specification is wrong; its parameters are known by name."""
    data = found.marked.data
    if not isinstance(data, dict) or not isinstance(data.get("parameters"), dict):
        return []
    if data.get("extends") is not None and found.base is None:
        return []
    title = {"ru": "?", "en": "?"}
    stand_in = {"type": "text", "title": title}
    specification = {
        "format": 1, "name": "unnamed", "version": "0.0.0", "kind": "custom", "edition": "enterprise",
        "title": title, "description": title, "supports": {}, "components": {},
        "parameters": {
            str(name): one if _is_parameter(one) else stand_in for name, one in data["parameters"].items()
        },
    }  # fmt: skip
    try:
        template = Template(TemplateSpec.model_validate(specification), files, found.base)
        examined = examine_sources(template, [])
    except (ValidationError, TemplateError):
        return []
    return errors_among(examined.findings)


def _is_parameter(value: Any) -> bool:
    try:
        Parameter.model_validate(value)
    except ValidationError:
        return False
    return True
