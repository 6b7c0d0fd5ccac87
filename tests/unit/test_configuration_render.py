"""Rendering: strict about names and quoting, shut off from Python."""

from dataclasses import replace

import pytest

from rupost_core.configuration import library
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from rupost_core.errors import TemplateError
from tests.golden.samples import SURROUNDINGS
from tests.unit.test_configuration_templates import MINIMAL


def rendering(source, **given):
    template = library.load({"template.yaml": MINIMAL, "a.j2": source}, "tiny")
    return render(template, resolve(template.spec, given), SURROUNDINGS)[0].content


def test_a_quoted_value_is_printed():
    assert rendering("server_name {{ p.greeting | nginx }};\n", greeting='a "b"') == 'server_name "a \\"b\\"";\n'


@pytest.mark.parametrize(
    ("source", "line", "expected"),
    [
        ("a\n{{ p.greeting }}", 2, "filter"),
        ("a\nb\n{{ p.greetnig | nginx }}", 3, "greetnig"),
        ("{{ nosuch | nginx }}", 1, "nosuch"),
        ("a\n{% if %}", 2, ""),
        ("{{ p.greeting | nosuchfilter }}", 1, "nosuchfilter"),
        ("{{ ''.__class__.__mro__ | nginx }}", 1, "__class__"),
        ("{{ cycler.__init__.__globals__.os.system('id') | lines }}", 1, ""),
        ("{{ domains.append('x') }}", 1, ""),
        ("{{ range(10**9) | list | length }}", 1, ""),
        ("{{ database.password }}", 1, "filter"),
        ("{{ none | nginx }}", 1, ""),
        ("{% include 'other.j2' %}", 1, "other.j2"),
        ("{% include '/etc/passwd' %}", 1, ""),
    ],
)
def test_a_mistake_in_a_template_names_file_and_line(source, line, expected):
    with pytest.raises(TemplateError) as caught:
        rendering(source)
    assert "a.j2" in caught.value.message
    assert f" {line}:" in caught.value.message
    assert expected in caught.value.message


@pytest.mark.parametrize("value", ["a\nb", "x\x00", "\x1b[0m", "\r"])
def test_control_characters_cannot_get_into_a_file(value):
    surroundings = replace(SURROUNDINGS, domains=(value,))
    template = library.load({"template.yaml": MINIMAL, "a.j2": "{{ domains[0] | nginx }}"}, "tiny")
    with pytest.raises(TemplateError, match="U\\+00"):
        render(template, resolve(template.spec, {}), surroundings)
