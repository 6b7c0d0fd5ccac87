"""A custom template on a real node: sample, lint, import, deployment; and hostile ones, which leave no trace."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from lab import clients
from rupost_core.configuration import archive

LICENCE = "/etc/rupost/license"
SAMPLE = archive.read(Path(archive.__file__).parent / "sample_template")
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
HOSTILE = {
    "a loop": (LOOP, "longer than 5 s"),
    "memory": ("{% set x = 'a' * 10**9 %}", "256 MiB"),
    "output": ("{% set x = 'a' * 10**6 %}{% for i in range(100) %}{{ x | lines }}{% endfor %}", "4 MiB"),
    "recursion": ("{% macro a() %}{{ a() | lines }}{% endmacro %}{{ a() | lines }}", "itself"),
    "a way to Python": ("{{ cycler.__init__.__globals__.os.system('touch /root/escaped') | lines }}", "__init__"),
    "a file": ("{% include '/etc/rupost/config.json' %}", "config.json"),
    "an open secret": ("{{ database.password | nginx }}", "secret"),
}


def put(node, tmp_path, files, target="/root/custom.tar.gz"):
    path = tmp_path / "custom.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            made.addfile(entry, io.BytesIO(content.encode()))
    node.put(path, target)
    return target


@pytest.fixture
def enterprise(node):
    node.run("sh", "-c", f"""echo '{{"edition": "enterprise", "organization": "ООО Ромашка"}}' > {LICENCE}""")
    yield
    node.run("rm", "-f", LICENCE)


def test_standard_refuses_custom_templates(node, tmp_path):
    done = node.run("rupost", "template", "import", put(node, tmp_path, SAMPLE), check=False)
    assert done.returncode == 4 and "Enterprise" in done.stderr and LICENCE in done.stderr
    assert [one["name"] for one in json.loads(node.run("rupost", "template", "list", "--json").stdout)] == [
        "standalone"
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused_and_the_node_is_untouched(node, tmp_path, enterprise, name):
    source, expected = HOSTILE[name]
    before = node.live()
    path = put(node, tmp_path, {**SAMPLE, "nginx/help.conf.j2": source})
    done = node.run("rupost", "template", "import", path, check=False)
    assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr
    assert node.live() == before
    assert node.run("sh", "-c", "ls /root/escaped; pgrep -u nobody", check=False).stdout == ""
    assert len(json.loads(node.run("rupost", "template", "list", "--json").stdout)) == 1


def test_from_the_sample_to_a_serving_node_and_back(lab, node, tmp_path, enterprise):
    first = node.live().rpartition("/")[2]
    node.run("rm", "-rf", "/root/mine")
    node.run("rupost", "template", "sample", "--output", "/root/mine")
    node.run("rupost", "template", "lint", "/root/mine")
    node.run("rupost", "template", "import", "/root/mine")
    node.run("rupost", "config", "deploy", "--template", "our-mail", "--set", "archive_mailbox=sidorov@demo.local",
             "--set", "greeting=welcome")  # fmt: skip
    custom = node.live().rpartition("/")[2]
    assert custom != first
    value = ["postconf", "-c", "/var/lib/rupost/configuration/live/postfix", "-h"]
    assert node.run(*value, "smtpd_banner").stdout.strip() == "$myhostname ESMTP welcome"
    clients.send_from_outside(lab, "ivanov@demo.local", "for the archive")
    clients.wait_for_letter(lab, lab.person("ivanov"), "for the archive")
    clients.wait_for_letter(lab, lab.person("sidorov"), "for the archive")
    help_page = node.run("curl", "-ksI", "https://10.77.0.1/help").stdout
    assert "302" in help_page and "https://help.example.ru/mail" in help_page
    rows = json.loads(node.run("rupost", "journal", "list", "--json").stdout)
    assert "template.import" in {row["operation"] for row in rows}

    # A licence that is gone stops neither deployments of what serves nor the way back.
    node.run("rm", "-f", LICENCE)
    node.run("rupost", "config", "deploy", "--set", "greeting=hello")
    node.run("rupost", "config", "rollback", first)
    done = node.run("rupost", "config", "deploy", "--template", "our-mail", check=False)
    assert done.returncode == 4
    node.run("rupost", "template", "remove", "our-mail")
    assert "our-mail" not in node.run("rupost", "template", "list").stdout
    assert "our-mail" in node.run("rupost", "config", "show", custom).stdout


def test_what_a_custom_template_breaks_is_refused_by_the_component(node, tmp_path, enterprise):
    before = node.live()
    files = {**SAMPLE, "nginx/help.conf.j2": "no_such_directive {{ p.help_page | nginx }};\n"}
    files["template.yaml"] = files["template.yaml"].replace("version: 1.0.0", "version: 1.0.1")
    node.run("rupost", "template", "import", put(node, tmp_path, files))
    done = node.run("rupost", "config", "deploy", "--template", "our-mail", check=False)
    assert (
        done.returncode == 41
        and "no_such_directive" in done.stderr
        and "nginx: nginx/help.conf, line 1" in done.stderr
    )
    assert node.live() == before
    node.run("rupost", "template", "remove", "our-mail", "--template-version", "1.0.1")


def test_a_component_version_that_does_not_fit_is_refused_by_name(node, tmp_path, enterprise):
    files = dict(SAMPLE)
    files["template.yaml"] = (
        files["template.yaml"]
        .replace("version: 1.0.0", "version: 1.0.2")
        .replace("parameters:\n", "supports: {dovecot: '>=2.4'}\nparameters:\n", 1)
    )
    node.run("rupost", "template", "import", put(node, tmp_path, files))
    installed = node.run("dpkg-query", "-W", "-f", "${Version}", "dovecot-core").stdout
    for verb in ("plan", "deploy"):
        done = node.run("rupost", "config", verb, "--template", "our-mail", check=False)
        assert done.returncode == 41
        assert "dovecot" in done.stderr and ">=2.4" in done.stderr and "2.3." in done.stderr, installed
    assert "does not fit" in node.run("rupost", "template", "show", "our-mail").stdout
    node.run("rupost", "template", "remove", "our-mail", "--template-version", "1.0.2")
