"""template.yaml is read within bounds: whatever it holds, it is answered in a moment, with a line."""

import time

import pytest

from rupost_core.configuration import marked_yaml
from rupost_core.errors import TemplateError

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "a billion laughs": LAUGHS,
    "a merge key": "a: {b: 1}\n<<: *a\n",
    "an anchor alone": "a: &x 1\n",
    "deep flow lists": "a: " + "[" * 5000 + "]" * 5000,
    "deep, and never closed": "[" * 500_000,
    "deep flow mappings": "{a: " * 5000,
    "deep block lists": "- " * 5000 + "x",
    "deep block mappings": "".join(" " * n + "a:\n" for n in range(1000)),
    "deep complex keys": "? " * 5000,
    "a complex key": "? [a, b]\n: c\n",
    "a Python object": "a: !!python/object/apply:os.system [id]\n",
    "a local tag": "a: !x 1\n",
    "a binary": "a: !!binary aGk=\n",
    "a set": "a: !!set {x}\n",
    "a date": "a: 2020-01-01\n",
    "a key twice": "a: 1\nb: 2\na: 3\n",
    "a million entries": "[" + "a," * 500_000 + "]",
    "many keys": "".join(f"k{n}: 1\n" for n in range(60_000)),
    "larger than a MiB": "a: " + "x" * (1024 * 1024),
    "a number of a million digits": "a: " + "9" * 1_000_000,
    "an endless quotation": 'a: "' + "x" * 1_000_000,
    "a tab": "a:\n\tb: 1\n",
    "a control character": "a: \x01\n",
    "a NUL": "a: b\x00c\n",
    "a lone surrogate": "a: \ud800\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "an undefined alias": "a: *b\n",
    "many directives": "%TAG ! tag:x,2000:\n" * 1000 + "---\na: 1\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_in_a_moment(name):
    started = time.process_time()
    with pytest.raises(TemplateError, match="t.yaml, line "):
        marked_yaml.load(HOSTILE[name], "t.yaml")
    assert time.process_time() - started < 3, "it took too long"


def test_a_large_honest_document_is_read_in_a_moment():
    text = "".join(f"k{n}: {{a: {n}, b: [x, y]}}\n" for n in range(4000))
    started = time.process_time()
    assert marked_yaml.load(text, "t.yaml").data["k3999"] == {"a": 3999, "b": ["x", "y"]}
    assert time.process_time() - started < 3


def test_every_key_has_its_line():
    marked = marked_yaml.load("a: 1\nb:\n  - c: 2\n    d: 3\n", "t.yaml")
    assert marked.line_of(("b", 0, "d")) == 4
    assert marked.line_of(("b", 0, "missing")) == 3
