"""What lint says of a template: everything at once, each with file and line, and nothing about a good one."""

from pathlib import Path

import pytest

from rupost_core.configuration import archive, library, template_lint
from rupost_core.configuration.template_lint import changes_of_base, lint

SAMPLE = Path(archive.__file__).parent / "sample_template"
SPEC = "template.yaml"


@pytest.fixture(scope="module")
def sample():
    return archive.read(SAMPLE)


def told(files, find_base=library.find_builtin):
    return [(one.severity, one.file, one.line, one.reason) for one in lint(files, find_base).findings]


def line_of(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_the_built_in_template_is_clean():
    for template in library.builtin_templates():
        assert told(template.files) == []


def test_the_sample_is_clean(sample):
    assert told(sample) == []


# (what in template.yaml is replaced, by what, the line's mark, the severity, words of the reason)
IN_SPECIFICATION = [
    ("default: 20M", "default: 300M", "default: 300M", "error", ["message_size_limit", "200M"]),
    ("default: 20M", "default: lots", "default: lots", "error", ["message_size_limit", "lots"]),
    ("maximum: 200M", "maximum: 200X", "maximum: 200X", "error", ["200X"]),
    ("maximum: 200M", "maximum: 200M\n    minimum: 300M", "minimum: 300M", "error", ["minimum"]),
    ("max_length: 60", "max_length: 60\n    minimum: 5", "minimum: 5", "error", ["minimum", "string"]),
    ("default: authorized use only", "default: ''", "default: ''", "error", ["must be given"]),
    ("pattern: 'https://", "pattern: '(?=https)https://", "pattern: '(?=", "error", ["assert"]),
    ("pattern: 'https://[A-Za-z0-9./_-]+'", "pattern: 'http[s'", "pattern: 'http[s'", "error", ["not a regular"]),
    ("default: https://help.example.ru/mail", "default: ftp://x", "default: ftp://x", "error", ["ftp://x"]),
    ("edition: enterprise", "edition: standard", "edition: standard", "error", ["enterprise"]),
    ("source: nginx/help.conf.j2}", "source: nginx/help.conf.j2, mode: '0666'}", "mode:", "error", ["0666"]),
    ("source: nginx/help.conf.j2}", "source: nginx/help.conf.j2, mode: '0044'}", "mode:", "error", ["0044"]),
    ("source: nginx/help.conf.j2}", "source: nginx/help.conf.j2, secret: true}", "secret:", "error", ["everybody"]),
    ("source: nginx/help.conf.j2}", "source: nginx/help.conf.j2, mode: '0755'}", "mode:", "warning", ["executable"]),
    ("source: nginx/help.conf.j2}", "source: nginx/help.conf.j2, owner: bob}", "owner:", "warning", ["bob"]),
    ("source: nginx/help.conf.j2", "source: nginx/hlep.conf.j2", "hlep", "error", ["nginx/help.conf.j2"]),
    ("  nginx:\n", "  nginx:\n    drop: [nginx.conf]\n", "  nginx:", "error", ["nginx/nginx.conf"]),
    ("parameters:\n", "supports: {postfix: '>=4 <3'}\nparameters:\n", "supports:", "error", [">=4 <3"]),
    ("type: string\n    max_length: 60", "type: secret\n    max_length: 60", "default: auth", "error", ["secret"]),
    ("  greeting:", "  unused: {type: boolean, default: true, title: {ru: Н, en: U}}\n  greeting:", "unused:",
     "warning", ["unused"]),
    ("  greeting:", "  odd: {type: string, pattern: '[^a-zA-Z0-9]{9}ё', title: {ru: Н, en: U}}\n  greeting:", "odd:",
     "warning", ["odd"]),
    ("  greeting:", "  odd: {type: string, required: false, title: {ru: Н, en: U},\n"
     "    applies_when: {parameter: language, equals: Klingon}}\n  greeting:", "applies_when: {", "error",
     ["Klingon"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "mark", "severity", "words"), IN_SPECIFICATION)
def test_a_mistake_in_the_specification(sample, old, new, mark, severity, words):
    assert old in sample[SPEC]
    text = sample[SPEC].replace(old, new, 1)
    found = told({**sample, SPEC: text})
    line = line_of(text, mark)
    hits = [one for one in found if one[0] == severity and one[1] == SPEC and one[2] == line]
    assert any(all(word in hit[3] for word in words) for hit in hits), found


HELP = "nginx/help.conf.j2"
IN_SOURCES = [
    ("a\nb {{ p.help_pag | nginx }}\n", 2, ["help_pag", "help_page"]),
    ("{{ p.help_page }}\n", 1, ["quoting filter"]),
    ("{{ p.help_page | upper }}\n", 1, ["quoting filter"]),
    ("{% if p.archive_mailbox == 'never' %}\n{{ p.help_page ~ 'x' }}\n{% endif %}\n", 2, ["quoting filter"]),
    ("{% if false %}{{ nosuch | nginx }}{% endif %}\n", 1, ["nosuch"]),
    ("{{ p.help_page | ngnix }}\n", 1, ["ngnix", "nginx"]),
    ("{% if p.help_page is strange %}x{% endif %}\n", 1, ["strange"]),
    ("x\n{% if %}\n", 2, []),
    ("x\n{% for %}", 2, []),
    ("{{ node.adress | nginx }}\n", 1, ["adress", "address"]),
    ("{{ database.host | nginx }}\n", 1, ["host"]),
    ("\n{% include 'nothere.j2' %}\n", 2, ["nothere.j2"]),
    ("\n{% include 'base:nothere.j2' %}\n", 2, ["base:nothere.j2"]),
    ("{{ ''.__class__ | nginx }}\n", 1, ["__class__"]),
    ("{{ domains[5] | nginx }}\n", 1, []),
]


@pytest.mark.parametrize(("source", "line", "words"), IN_SOURCES)
def test_a_mistake_in_a_source(sample, source, line, words):
    found = told({**sample, HELP: source})
    errors = [one for one in found if one[:3] == ("error", HELP, line)]
    assert any(all(word in one[3] for word in words) for one in errors), found


@pytest.mark.parametrize(
    "source",
    ["{{ database.password | nginx }}", "{{ certificate_key | pem }}",
     "{% for one in directories %}{{ one.bind_password.reveal() | nginx }}{% endfor %}"],
)  # fmt: skip
def test_a_secret_in_an_open_file_is_an_error(sample, source):
    found = told({**sample, HELP: sample[HELP] + source})
    line = line_of(sample[SPEC], "path: help.conf")
    assert [one[:3] for one in found] == [("error", SPEC, line)]
    closed = sample[SPEC].replace(
        "source: nginx/help.conf.j2", "source: nginx/help.conf.j2, mode: '0640', secret: true"
    )
    assert told({**sample, SPEC: closed, HELP: sample[HELP] + source}) == []


def test_a_name_that_is_only_asked_for_is_no_mistake(sample):
    assert told({**sample, HELP: sample[HELP] + "{% if nosuch is defined %}x{% endif %}"}) == []


def test_what_no_file_is_rendered_from_is_told_and_prose_is_not(sample):
    found = told({**sample, "old.j2": "{{ x", "notes.dat": "x", "README.md": "x"})
    assert {(one[0], one[1]) for one in found} == {
        ("warning", "notes.dat"), ("error", "old.j2"), ("warning", "old.j2"),
    }  # fmt: skip


def test_everything_is_told_at_once_even_when_the_specification_is_wrong(sample):
    text = sample[SPEC].replace("type: string", "type: strng").replace("edition:", "editoin:")
    found = told({**sample, SPEC: text, HELP: "{{ p.help_page }}\n{{ 1 | nosuch }}\n"})
    assert {(one[1], one[2]) for one in found} >= {
        (SPEC, line_of(text, "type: strng")), (SPEC, line_of(text, "editoin:")), (HELP, 1), (HELP, 2),
    }  # fmt: skip


@pytest.mark.parametrize(
    "source",
    ["{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "{% set x = 'a' * 10**9 %}"],
)
def test_a_source_that_eats_time_or_memory_is_an_error_and_not_a_hang(sample, source):
    found = told({**sample, HELP: source})
    assert found and found[0][0] == "error" and "stopped" in found[0][3]


def test_no_template_yaml_and_a_broken_one(sample):
    assert told({"a.j2": "x"})[0][:2] == ("error", SPEC)
    assert told({**sample, SPEC: "a: [\n"})[0][:3] == ("error", SPEC, 2)


def test_a_newer_base_tells_what_it_changes():
    old = library.builtin_templates()[0]
    spec = old.files[SPEC].replace("version: 1.0.0", "version: 1.1.0").replace("default: 50M", "default: 60M")
    spec = spec.replace(
        "  sogo_extra:\n", "  added: {type: boolean, default: true, title: {ru: Н, en: N}}\n  sogo_extra:\n"
    )
    main = old.files["postfix/main.cf.j2"] + "one\ntwo\n"
    new = library.load({**old.files, SPEC: spec, "postfix/main.cf.j2": main}, "new")
    assert changes_of_base(old, new) == ["+ added", "~ message_size_limit", "postfix/main.cf.j2 +2 -0"]
    assert template_lint.changes_of_base(old, old) == []
