"""The process in which custom templates are rendered: what it cannot do, and that nothing makes it hang."""

import json
import os
import subprocess
import sys
import time

import pytest

from rupost_core.configuration import confinement, library
from rupost_core.configuration.confinement import WALL_SECONDS, render_any
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from rupost_core.errors import CommandFailed, TemplateError
from rupost_core.host.commands import run_untrusting
from tests.golden.samples import SAMPLES, SURROUNDINGS
from tests.unit.test_configuration_templates import MINIMAL

# What code inside would find if the sandbox of Jinja2 had a hole.
PROBE = """
import json, os, socket, subprocess, resource
def attempt(what):
    try:
        what()
        return "done"
    except BaseException as error:
        return type(error).__name__
print(json.dumps({
    "uid": os.getuid(),
    "environment": {k: v for k, v in os.environ.items() if k not in ("LC_CTYPE",)},
    "folder": os.getcwd(),
    "capabilities": [l.split()[1] for l in open("/proc/self/status") if l.startswith(("CapEff", "CapPrm", "CapBnd"))],
    "no_new_privileges": [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")],
    "interfaces": [name for _number, name in socket.if_nameindex()],
    "connect": attempt(lambda: socket.create_connection(("127.0.0.1", PORT), 1)),
    "write": attempt(lambda: os.write(os.open("/tmp/rupost-confined", os.O_CREAT | os.O_WRONLY), b"x")),
    "fork": attempt(os.fork),
    "memory": attempt(lambda: bytearray(300 * 2**20)),
    "become_root": attempt(lambda: os.setuid(0)),
    "descriptors": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:4],
}))
"""


@pytest.fixture
def listening():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_code_inside_could_do_nothing(listening):
    command = confinement._command()
    assert command[-2] == "-m"
    code = PROBE.replace("PORT", str(listening))
    ended = run_untrusting([*command[:-2], "-c", code], stdin=b"", timeout=10, most_output=10_000)
    assert ended.exit_code == 0, ended
    found = json.loads(ended.stdout)
    assert found["connect"] in ("OSError", "ConnectionRefusedError")
    assert found["fork"] == "BlockingIOError"
    assert found["memory"] == "MemoryError"
    assert found["write"] == "OSError"
    assert found["environment"] == {} and found["folder"] == "/"
    assert found["interfaces"] == ["lo"]
    assert found["no_new_privileges"] == ["1"]
    if os.geteuid() == 0:
        assert found["uid"] == 65534
        assert set(found["capabilities"]) == {"0" * 16}
        assert found["become_root"] == "PermissionError"


def custom(source):
    return library.load({"template.yaml": MINIMAL, "a.j2": source}, "tiny")


LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
DOUBLING = "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
HOSTILE = {
    "a long loop": (LOOP, "longer than 5 s"),
    "a slow function": ("{{ lipsum(n=10**7) | lines }}", "longer than 5 s"),
    "a large range": ("{% for i in range(10**9) %}{% endfor %}", "Range too big"),
    "a large text": ("{% set x = 'a' * 10**9 %}", "256 MiB"),
    "a doubling text": (DOUBLING, "256 MiB"),
    "a large list": ("{{ (range(99999) | list * 9999) | length }}", "256 MiB"),
    "a wide format": ("{{ '%1000000000d' % 1 | int }}", "256 MiB"),
    "100 MB of output": ("{% set x = 'a' * 10**6 %}{% for i in range(100) %}{{ x | lines }}{% endfor %}", "4 MiB"),
    "a macro that calls itself": ("{% macro a() %}{{ a() | lines }}{% endmacro %}{{ a() | lines }}", "itself"),
    "a file that includes itself": ("{% include 'a.j2' %}", "itself"),
    "deep parentheses": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nested too deeply"),
    "deep blocks": ("{% if 1 %}" * 3000, "nested too deeply"),
    "a way to Python's objects": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "__class__"),
    "a way through a format": ("{{ '{0.__class__.__init__}'.format(p) | lines }}", "unsafe"),
    "a way through a global": ("{{ cycler.__init__.__globals__.os.system('id') | lines }}", "__init__"),
    "a way through an attribute filter": ("{{ p | attr('_values') | lines }}", "_values"),
    "a changed surrounding": ("{{ domains.append('x') }}", ""),
    "a division by nothing": ("{{ 1 / 0 }}", "division"),
    "a file of the system": ("{% include '/etc/passwd' %}", "/etc/passwd"),
    "a file above": ("{% include '../../etc/passwd' %}", "passwd"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_ends_with_a_reason_within_the_limit(name):
    source, expected = HOSTILE[name]
    template = custom(source)
    started = time.monotonic()
    with pytest.raises(TemplateError) as caught:
        render_any(template, resolve(template.spec, {}), SURROUNDINGS)
    assert time.monotonic() - started < WALL_SECONDS + 3
    assert "tiny 1.0.0" in caught.value.message and expected in caught.value.message


def test_secrets_and_every_kind_of_value_survive_the_way_in():
    builtin = library.builtin_templates()[0]
    for surroundings, given in SAMPLES.values():
        values = resolve(builtin.spec, given)
        as_custom = library.Template(builtin.spec.model_copy(update={"kind": "custom"}), builtin.files)
        assert render_any(as_custom, values, surroundings) == render(builtin, values, surroundings)


def test_nothing_secret_stands_in_the_command():
    assert not [word for word in confinement._command() if "password" in word]


def test_without_a_way_to_confine_it_nothing_is_rendered(monkeypatch):
    real = confinement._command()
    monkeypatch.setattr(confinement, "_command", lambda: ["/bin/false", *real])
    template = custom("x")
    with pytest.raises(CommandFailed, match="did not work"):
        render_any(template, resolve(template.spec, {}), SURROUNDINGS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_without_root_is_confined_too(listening):
    code = (
        "import json; from rupost_core.configuration import confinement as c;"
        "from rupost_core.host.commands import run_untrusting as r;"
        f"e = r([*c._command()[:-2], '-c', {PROBE.replace('PORT', str(listening))!r}],"
        " stdin=b'', timeout=10, most_output=10000); print(e.stdout.decode(), e.stderr.decode())"
    )
    done = subprocess.run(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["connect"] in ("OSError", "ConnectionRefusedError")
    assert (found["fork"], found["memory"], found["write"]) == ("BlockingIOError", "MemoryError", "OSError")
