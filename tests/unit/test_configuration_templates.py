"""Reading template.yaml: every refusal names file, line and key, and the nearest spelling."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from rupost_core.configuration import library
from rupost_core.configuration.schema import json_schema
from rupost_core.errors import TemplateError

ROOT = Path(__file__).parents[2]
MINIMAL = """\
format: 1
name: tiny
version: 1.0.0
kind: custom
edition: enterprise
title: {ru: Малый, en: Tiny}
description: {ru: Для проверки, en: For tests}
supports: {nginx: ">=1.18"}
parameters:
  greeting:
    type: string
    default: hello
    title: {ru: Привет, en: Greeting}
components:
  nginx:
    files:
      - {path: nginx.conf, source: a.j2}
"""


def refusal(text, **files):
    with pytest.raises(TemplateError) as caught:
        library.load({"template.yaml": text, "a.j2": "x", **files}, "tiny")
    return "\n".join([caught.value.message, *caught.value.details])


def test_the_minimal_template_loads():
    assert library.load({"template.yaml": MINIMAL, "a.j2": "x"}, "tiny").title == "tiny 1.0.0"


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("type: strng", "type: string", ["template.yaml", "11", "parameters.greeting.type", "string"]),
        ("defualt: hello", "default: hello", ["12", "parameters.greeting.defualt", "default"]),
        ("editoin: enterprise", "edition: enterprise", ["5", "editoin", "edition"]),
        ("version: one", "version: 1.0.0", ["3", "version"]),
        ("source: b.j2", "source: a.j2", ["17", "b.j2", "a.j2"]),
        ("path: ../../etc/passwd", "path: nginx.conf", ["17", "path"]),
        ("  ngnix:", "  nginx:", ["15", "ngnix", "nginx"]),
        ("title: {ru: Привет}", "title: {ru: Привет, en: Greeting}", ["13", "title.en"]),
        ("format: 2", "format: 1", ["1", "format"]),
        ("name: tiny\nname: tiny", "name: tiny", ["3", "name"]),
        ("title: &a {ru: Малый, en: Tiny}", "title: {ru: Малый, en: Tiny}", ["6"]),
        ("version: !!python/name:os.system x", "version: 1.0.0", ["3"]),
        ("kind: [custom", "kind: custom", ["5"]),
    ],
)
def test_a_mistake_is_named_with_its_line(wrong, right, expected):
    assert right in MINIMAL
    said = refusal(MINIMAL.replace(right, wrong, 1))
    for part in expected:
        assert part in said, said


def test_deep_and_large_yaml_is_refused():
    assert "12" in refusal("a: " + "[" * 40 + "]" * 40)
    assert "1 MiB" in refusal("a: " + "x" * (1024 * 1024 + 1))


def test_a_missing_template_yaml_is_named():
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        library.load({"a.j2": "x"}, "tiny")


def test_the_published_schema_is_the_one_in_use_and_accepts_the_builtin_templates():
    published = json.loads((ROOT / "docs/template.schema.json").read_text())
    assert published == json_schema()
    for folder in library.builtin_folder().iterdir():
        jsonschema.validate(yaml.safe_load((folder / "template.yaml").read_text()), published)


def test_every_parameter_speaks_both_languages():
    for template in library.builtin_templates():
        for name, parameter in template.spec.parameters.items():
            assert any("а" <= c.lower() <= "я" for c in parameter.title.ru), name
            assert not any("а" <= c.lower() <= "я" for c in parameter.title.en), name
