"""What is wrong with a template.yaml that has its form: limits, defaults, rights, versions, components left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rupost_core.components import registry, versions
from rupost_core.configuration.findings import Finding, error, warning
from rupost_core.configuration.library import SPEC_FILE, Template
from rupost_core.configuration.marked_yaml import MarkedYaml
from rupost_core.configuration.model import SHARED
from rupost_core.configuration.parameters import read
from rupost_core.configuration.sample_values import without_sample
from rupost_core.configuration.schema import File, Parameter
from rupost_core.i18n import translate as _
from rupost_core.quantity import parse_duration, parse_size

# The accounts of the components' packages; a file of any other owner could not be put in place.
_ACCOUNTS = frozenset({"root", "haproxy", "www-data", "postfix", "dovecot", "sogo", "memcache", "mail", "rupost"})


def about_specification(template: Template, marked: MarkedYaml) -> Iterator[Finding]:
    """Every finding, with the line of template.yaml."""
    spec = template.spec
    if spec.kind == "custom" and spec.edition != "enterprise":
        yield error(SPEC_FILE, marked.line_of(("edition",)), _("custom templates belong to the edition enterprise"))
    for name, parameter in spec.parameters.items():
        found = [*_about_limits(name, parameter, marked), *_about_default(name, parameter, marked)]
        yield from found
        yield from _about_condition(name, parameter, template, marked)
        if not found and name in without_sample(spec):
            text = _("no value can be made up for {name}: give a default, or a simpler pattern", name=name)
            yield warning(SPEC_FILE, marked.line_of(("parameters", name)), text)
    for component, wanted in spec.supports.items():
        if versions.is_empty(wanted):
            text = _("no version can be {wanted}", wanted=wanted)
            yield error(SPEC_FILE, marked.line_of(("supports", component)), text)
    for needed in registry.ALL:
        yield from _about_component(needed, template, marked)
    for where, content in spec.components.items():
        for index, file in enumerate(content.files):
            line = marked.line_of(("components", where, "files", index, "path"))
            yield from (error(SPEC_FILE, line, f"{file.path}: {text}") for text in _dangers(file))
            yield from (warning(SPEC_FILE, line, f"{file.path}: {text}") for text in _oddities(file))


def _about_component(component: str, template: Template, marked: MarkedYaml) -> Iterator[Finding]:
    spec = template.spec
    main_file = registry.ALL[component].main_file
    line = marked.line_of(("components", component))
    content = next((files for name, files in spec.components.items() if name == component), None)
    if content is None or not any(f"{component}/{file.path}" == main_file for file in content.files):
        text = _("{component} gets no {file}, and would not start", component=component, file=main_file)
        yield error(SPEC_FILE, line, text)
    if component not in spec.supports:
        text = _("it is not said which versions of {component} will do", component=component)
        yield warning(SPEC_FILE, marked.line_of(("supports",)), text)
    if content is None or any(one == SHARED or one.startswith(f"{SHARED}/") for one in content.uses):
        return
    if any(f"{SHARED}/" in template.sources.get(file.source, "") for file in content.files):
        text = _("{component} names files in tls/ and does not say “uses: [tls]”", component=component)
        yield warning(SPEC_FILE, line, text)


def _dangers(file: File) -> Iterator[str]:
    if file.mode_bits & 0o022:
        yield _("mode {mode} lets others than its owner write it", mode=file.mode)
    if file.secret and file.mode_bits & 0o007:
        yield _("it is secret, and mode {mode} opens it to everybody", mode=file.mode)
    if not file.mode_bits & 0o400:
        yield _("mode {mode} lets not even its owner read it", mode=file.mode)


def _oddities(file: File) -> Iterator[str]:
    if file.mode_bits & 0o111:
        yield _("a configuration file need not be executable")
    for account in sorted({file.owner, file.group} - _ACCOUNTS):
        yield _("“{account}” is no account of the six components", account=account)
    if file.owner != "root":
        yield _("a daemon that owns its configuration can change it")


_PARSERS: dict[str, Callable[[Any], int]] = {"integer": int, "size": parse_size, "duration": parse_duration}


def _about_limits(name: str, parameter: Parameter, marked: MarkedYaml) -> Iterator[Finding]:
    limits = {}
    for key, limit in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
        line = marked.line_of(("parameters", name, key))
        if limit is None:
            continue
        if parameter.type not in _PARSERS:
            text = _("{name}: “{key}” means nothing for the type {type}", name=name, key=key, type=parameter.type)
            yield error(SPEC_FILE, line, text)
            continue
        try:
            limits[key] = _PARSERS[parameter.type](limit)
        except ValueError as problem:
            yield error(SPEC_FILE, line, f"{name}: {key}: {problem}")
    if len(limits) == 2 and limits["minimum"] > limits["maximum"]:
        line = marked.line_of(("parameters", name, "minimum"))
        yield error(SPEC_FILE, line, _("{name}: the minimum is above the maximum", name=name))


def _about_default(name: str, parameter: Parameter, marked: MarkedYaml) -> Iterator[Finding]:
    if parameter.default in (None, []):
        return
    line = marked.line_of(("parameters", name, "default"))
    try:
        read(parameter, parameter.default)
    except (ValueError, TypeError) as problem:
        yield error(SPEC_FILE, line, _("{name}: its own default is refused: {reason}", name=name, reason=problem))
    if parameter.type == "secret":
        text = _("{name}: a secret with a default is known to everybody who has the template", name=name)
        yield error(SPEC_FILE, line, text)


def _about_condition(name: str, parameter: Parameter, template: Template, marked: MarkedYaml) -> Iterator[Finding]:
    condition = parameter.applies_when
    if condition is None or condition.equals is None:
        return
    try:
        read(template.spec.parameters[condition.parameter], condition.equals)
    except ValueError as problem:
        other = condition.parameter
        text = _("{name}: {other} can never be that: {reason}", name=name, other=other, reason=problem)
        yield error(SPEC_FILE, marked.line_of(("parameters", name, "applies_when")), text)
