"""A template that extends another: parameters, components, files and blocks of both, to three levels."""

import pytest

from rupost_core.configuration import library
from rupost_core.configuration.confinement import render_any
from rupost_core.configuration.library import Template
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from rupost_core.errors import InputError, TemplateError
from tests.golden.samples import SURROUNDINGS

HEAD = """\
format: 1
name: {name}
version: 1.0.0
kind: custom
edition: enterprise
title: {{ru: И, en: N}}
description: {{ru: О, en: D}}
"""
BASE = """\
supports: {nginx: ">=1.18", postfix: ">=3.5"}
parameters:
  size: {type: size, minimum: 1M, maximum: 2G, default: 50M, title: {ru: Р, en: Size}}
  colour: {type: choice, choices: [red, blue], default: red, title: {ru: Ц, en: Colour}}
components:
  nginx:
    uses: [tls]
    files:
      - {path: nginx.conf, source: nginx.j2}
      - {path: extra.conf, source: extra.j2}
  postfix:
    files:
      - {path: main.cf, source: main.j2}
"""
BASE_FILES = {
    "nginx.j2": "top {{ p.size }};\n{% block body %}\nbase {{ p.colour | nginx }};\n{% endblock %}\n",
    "extra.j2": "{% include 'shared.j2' %}",
    "shared.j2": "of the base\n",
    "main.j2": "m\n",
}


def template(name, text, files, *bases):
    def find(wanted, versions):
        return library.among(list(bases), wanted, versions)

    return library.load({"template.yaml": HEAD.format(name=name) + text, **files}, name, find)


@pytest.fixture
def base():
    return template("base", BASE, BASE_FILES)


def contents(one: Template, **given):
    return {file.path: file.content for file in render(one, resolve(one.spec, given), SURROUNDINGS)}


def refusal(text, files, *bases):
    with pytest.raises(TemplateError) as caught:
        template("heir", text, files, *bases)
    return "\n".join([caught.value.message, *caught.value.details])


def test_an_heir_that_says_nothing_renders_what_the_base_does(base):
    heir = template("heir", "extends: base\n", {}, base)
    assert contents(heir) == contents(base)
    assert heir.spec.components == base.spec.components and heir.base is base


def test_an_entry_without_a_type_changes_the_inherited_parameter(base):
    heir = template("heir", "extends: base\nparameters:\n  size: {default: 20M, maximum: 30M}\n", {}, base)
    assert resolve(heir.spec, {})["size"] == 20 * 2**20
    assert heir.spec.parameters["size"].title.en == "Size"
    with pytest.raises(InputError, match="30M"):
        resolve(heir.spec, {"size": "31M"})


def test_an_entry_with_a_type_replaces_it(base):
    text = "extends: base\nparameters:\n  colour: {type: string, default: green, title: {ru: Ц, en: C}}\n"
    assert 'base "green";' in contents(template("heir", text, {}, base))["nginx/nginx.conf"]


def test_a_block_is_filled_and_super_needs_no_filter(base):
    source = "{% extends 'base:nginx.j2' %}\n{% block body %}\n{{ super() }}heir;\n{% endblock %}\n"
    heir = template("heir", "extends: base\n", {"nginx.j2": source}, base)
    assert contents(heir)["nginx/nginx.conf"] == 'top 52428800;\nbase "red";\nheir;\n'


def test_three_levels_each_reach_the_one_below(base):
    middle_source = "{% extends 'base:nginx.j2' %}{% block body %}{{ super() }}middle;\n{% endblock %}"
    middle = template("middle", "extends: base\n", {"nginx.j2": middle_source}, base)
    source = "{% extends 'base:nginx.j2' %}{% block body %}{{ super() }}top;\n{% endblock %}"
    top = template("top", "extends: middle\n", {"nginx.j2": source}, middle)
    assert contents(top)["nginx/nginx.conf"] == 'top 52428800;\nbase "red";\nmiddle;\ntop;\n'
    # One that only inherits the middle's source finds the same base from there.
    silent = template("silent", "extends: middle\n", {}, middle)
    assert contents(silent) == contents(middle)
    assert "more than 3" in refusal("extends: top\n", {}, top)


def test_an_included_file_is_the_heir_s_and_base_means_the_base_s(base):
    files = {"shared.j2": "{% include 'base:shared.j2' %}and of the heir\n"}
    assert contents(template("heir", "extends: base\n", files, base))["nginx/extra.conf"] == (
        "of the base\nand of the heir\n"
    )


def test_files_are_added_replaced_and_dropped(base):
    text = """\
extends: {template: base, versions: ">=1.0 <2"}
components:
  nginx:
    drop: [extra.conf]
    files:
      - {path: nginx.conf, source: own.j2, mode: "0640"}
      - {path: more.conf, source: own.j2}
"""
    heir = template("heir", text, {"own.j2": "own\n"}, base)
    assert contents(heir) == {"nginx/nginx.conf": "own\n", "nginx/more.conf": "own\n", "postfix/main.cf": "m\n"}
    assert heir.spec.components["nginx"].uses == ["tls"]
    assert {file.path: file.mode for file in heir.spec.components["nginx"].files}["nginx.conf"] == "0640"


def test_the_confined_child_renders_an_heir_as_the_core_would(base):
    source = "{% extends 'base:nginx.j2' %}{% block body %}{{ super() }}x;\n{% endblock %}"
    heir = template("heir", "extends: base\n", {"nginx.j2": source}, base)
    values = resolve(heir.spec, {})
    assert render_any(heir, values, SURROUNDINGS) == render(heir, values, SURROUNDINGS)


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        ("extends: bas\n", {}, ["line 8", "bas", "base"]),
        ("extends: heir\n", {}, ["line 8", "itself"]),
        ("extends: {template: base, versions: '>=2'}\n", {}, ["line 8", "1.0.0", ">=2"]),
        ("extends: {template: base, version: '>=2'}\n", {}, ["line 8", "version", "versions"]),
        ("extends: [base]\n", {}, ["line 8"]),
        ("extends: base\nparameters:\n  sise: {default: 1M}\n", {}, ["line 10", "sise.type", "missing"]),
        ("extends: base\nparameters:\n  size: {defualt: 1M}\n", {}, ["line 10", "defualt", "default"]),
        ("extends: base\ncomponents:\n  nginx:\n    drop: [extra.cnf]\n", {}, ["line 11", "extra.cnf", "extra.conf"]),
        (
            "extends: base\ncomponents:\n  nginx:\n    files:\n      - {path: a, source: b.j2}\n",
            {},
            ["line 12", "b.j2"],
        ),
        (
            "extends: base\ncomponents:\n  nginx:\n    files:\n      - {path: a, source: main.j2}\n"
            "      - {path: a, source: main.j2}\n",
            {},
            ["line 13", "line 12"],
        ),
        ("extends: base\ncomponents: []\n", {}, ["line 9", "components"]),
        ("extends: base\nparameters: 5\n", {}, ["line 9", "parameters"]),
        ("extends: base\nsupports: {nginx: old}\n", {}, ["line 9", "supports.nginx"]),
        (BASE.replace("    uses: [tls]\n", "    drop: [x]\n"), BASE_FILES, ["drop", "extends"]),
    ],
)
def test_a_mistake_is_named_with_the_heir_s_own_line(base, text, files, expected):
    said = refusal(text, files, base)
    for part in expected:
        assert part in said, said
