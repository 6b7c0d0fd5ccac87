"""Custom templates in the library, over a real PostgreSQL."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from rupost_core import settings as node_settings
from rupost_core.configuration import archive, library, store, template_store
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.service import Wish
from rupost_core.core import Core
from rupost_core.errors import (
    AccessDenied,
    AlreadyExists,
    CheckFailed,
    EditionRequired,
    InputError,
    NotFound,
    TemplateError,
)
from rupost_core.operation import Actor, Role

ROOT = Path(__file__).parents[2]
SAMPLE = archive.read(Path(archive.__file__).parent / "sample_template")
SPEC = "template.yaml"
FILES = (RenderedFile("nginx", "nginx/nginx.conf", "root", "root", 0o644, False, "x"),)


@pytest.fixture(autouse=True)
def node(settings, tmp_path, monkeypatch):
    """config.json, and an Enterprise licence beside it."""
    config = tmp_path / "config.json"
    config.write_text(node_settings.dump(settings))
    monkeypatch.setenv("RUPOST_CONFIG", str(config))
    (tmp_path / "license").write_text('{"edition": "enterprise"}')
    return tmp_path


@pytest.fixture
def core(core):
    core.configuration.load_builtin_templates()
    return core


def changed(version):
    return {**SAMPLE, SPEC: SAMPLE[SPEC].replace("version: 1.0.0", f"version: {version}")}


def names(core):
    return [template.title for template in core.configuration.templates()]


def generation_of(core, name, version):
    """A generation made from a template, and deployed on node1."""
    with core.desk.transaction() as connection:
        made = store.add_generation(
            connection, core.desk.keyring, used=store.load_from_library(connection, name, version), parameters={},
            based_on=None, author="t", reason="t", component_versions={}, files={"node1": FILES},
        )  # fmt: skip
        identity = store.next_deployment(connection)
        store.start_deployment(connection, identity, made.number, "node1", "t")
        store.finish_deployment(connection, identity, "done")
        return made.number


def journal(core, operation):
    with core.desk.transaction() as connection:
        query = text("SELECT outcome, subject, error FROM journal WHERE operation = :o ORDER BY id")
        return [tuple(row) for row in connection.execute(query, {"o": operation})]


def test_import_export_and_import_again(core):
    imported = core.templates.take_in(SAMPLE, "sample")
    assert (imported.name, imported.version, imported.base, imported.is_new) == (
        "our-mail", "1.0.0", "standalone 1.0.0", True,
    )  # fmt: skip
    assert names(core) == ["our-mail 1.0.0", "standalone 1.0.0"]
    name, content = core.templates.export("our-mail")
    assert name == "our-mail-1.0.0.tar.gz"
    assert archive.read_archive(content, name) == SAMPLE
    assert not core.templates.take_in(archive.read_archive(content, name), name).is_new
    assert journal(core, "template.import") == [("done", "template:our-mail 1.0.0", "")] * 2


def test_a_version_never_changes(core):
    core.templates.take_in(SAMPLE, "sample")
    with pytest.raises(AlreadyExists, match="never changes"):
        core.templates.take_in({**SAMPLE, "README.md": "new"}, "sample")
    core.templates.take_in(changed("1.10.0"), "sample")
    core.templates.take_in(changed("1.9.0"), "sample")
    assert names(core) == ["our-mail 1.10.0", "our-mail 1.9.0", "our-mail 1.0.0", "standalone 1.0.0"]
    assert core.configuration.template("our-mail").spec.version == "1.10.0"


@pytest.mark.parametrize(
    ("licence", "expected"),
    [(None, "Standard"), ('{"edition": "standard"}', "Standard"),
     ('{"edition": "enterprise", "valid_until": "2020-01-01"}', "2020-01-01")],
)  # fmt: skip
def test_without_enterprise_nothing_is_taken_in(core, node, licence, expected):
    (node / "license").unlink()
    if licence:
        (node / "license").write_text(licence)
    with pytest.raises(EditionRequired, match=expected):
        core.templates.take_in(SAMPLE, "sample")
    assert names(core) == ["standalone 1.0.0"]
    assert journal(core, "template.import")[0][0::2] == ("failed", "edition_required")


def test_a_template_with_errors_is_not_taken_in_and_all_of_them_are_told(core):
    broken = {**SAMPLE, "nginx/help.conf.j2": "{{ p.help_page }}\n{{ nosuch | nginx }}\n"}
    with pytest.raises(TemplateError) as caught:
        core.templates.take_in(broken, "sample")
    assert len([caught.value.message, *caught.value.details]) == 2
    assert [(one["file"], one["line"]) for one in caught.value.as_data()["findings"]] == [
        ("nginx/help.conf.j2", 1), ("nginx/help.conf.j2", 2),
    ]  # fmt: skip
    assert names(core) == ["standalone 1.0.0"]


def test_nobody_takes_the_place_of_a_built_in_template(core):
    builtin = library.builtin_templates()[0]
    with pytest.raises(TemplateError, match="custom"):
        core.templates.take_in(dict(builtin.files), "x")
    spec = (
        builtin.files[SPEC]
        .replace("kind: builtin", "kind: custom")
        .replace("edition: standard", "edition: enterprise")
    )
    with pytest.raises(AlreadyExists, match="standalone"):
        core.templates.take_in({**builtin.files, SPEC: spec.replace("version: 1.0.0", "version: 9.0.0")}, "x")
    with pytest.raises(InputError, match="built-in"):
        core.templates.remove("standalone")


def test_only_an_administrator_brings_templates(core, settings):
    with Core(settings, Actor("eve", Role.OPERATOR, "cli")) as other:
        with pytest.raises(AccessDenied):
            other.templates.take_in(SAMPLE, "sample")
        with pytest.raises(AccessDenied):
            other.templates.remove("our-mail")
        assert other.templates.lint_files(SAMPLE).errors == []


def test_an_unused_version_is_removed_for_good(core):
    core.templates.take_in(SAMPLE, "sample")
    core.templates.take_in(changed("1.1.0"), "sample")
    with pytest.raises(InputError, match="several versions"):
        core.templates.remove("our-mail")
    core.templates.remove("our-mail", "1.0.0")
    core.templates.remove("our-mail")
    assert names(core) == ["standalone 1.0.0"]
    core.templates.take_in({**SAMPLE, "README.md": "another content is free to come"}, "sample")
    with pytest.raises(NotFound):
        core.templates.remove("our-mail", "7.0.0")


def test_what_serves_stays_and_what_served_is_kept_for_its_generations(core):
    core.templates.take_in(SAMPLE, "sample")
    number = generation_of(core, "our-mail", "1.0.0")
    with pytest.raises(InputError, match="serves on node1"):
        core.templates.remove("our-mail")
    generation_of(core, "standalone", "1.0.0")
    core.templates.remove("our-mail")
    assert names(core) == ["standalone 1.0.0"]
    with pytest.raises(NotFound):
        core.configuration.template("our-mail")
    assert core.configuration.show(number).generation.template == "our-mail 1.0.0"
    with pytest.raises(AlreadyExists):
        core.templates.take_in({**SAMPLE, "README.md": "another"}, "sample")
    assert not core.templates.take_in(SAMPLE, "sample").is_new
    assert names(core) == ["our-mail 1.0.0", "standalone 1.0.0"]


def heir(**changes):
    text = "".join(
        f"{key}: {value}\n"
        for key, value in {
            "format": 1, "name": "branch", "version": "1.0.0", "extends": "our-mail", "kind": "custom",
            "edition": "enterprise", "title": "{ru: Ф, en: B}", "description": "{ru: Ф, en: B}",
            "supports": "{}", "parameters": "{}", "components": "{}", **changes,
        }.items()
    )  # fmt: skip
    return {SPEC: text}


def test_a_base_stays_while_it_is_extended(core):
    core.templates.take_in(SAMPLE, "sample")
    core.templates.take_in(heir(), "heir")
    with pytest.raises(InputError, match=r"branch 1\.0\.0"):
        core.templates.remove("our-mail")
    with pytest.raises(TemplateError, match="more than 3"):
        core.templates.take_in(heir(name="twig", extends="branch"), "twig")
    core.templates.remove("branch")
    core.templates.remove("our-mail")


def test_the_base_of_the_day_of_import_stays_and_lint_tells_of_a_newer_one(core):
    core.templates.take_in(SAMPLE, "sample")
    core.templates.take_in(heir(), "heir")
    newer = changed("1.1.0")
    newer[SPEC] = newer[SPEC].replace("default: authorized use only", "default: welcome")
    core.templates.take_in(newer, "sample")
    branch = core.configuration.template("branch")
    assert branch.base.spec.version == "1.0.0"
    assert branch.spec.parameters["greeting"].default == "authorized use only"
    (found,) = core.templates.lint_stored("branch").findings
    assert found.severity == "warning" and "our-mail 1.1.0" in found.reason and "~ greeting" in found.reason
    core.templates.take_in(heir(version="1.0.1"), "heir")
    assert core.configuration.template("branch").spec.parameters["greeting"].default == "welcome"
    assert core.templates.lint_stored("branch").findings == []


def test_lint_tells_when_a_package_replaced_the_base_s_text(core):
    core.templates.take_in(SAMPLE, "sample")
    builtin = library.builtin_templates()[0]
    other = {**builtin.files, "memcached/memcached.conf.j2": builtin.files["memcached/memcached.conf.j2"] + "# new\n"}
    with core.desk.transaction() as connection:
        store.save_template(connection, replace(builtin, files=other))
    (found,) = core.templates.lint_stored("our-mail").findings
    assert found.severity == "warning" and "replaced" in found.reason


def test_a_package_does_not_overwrite_a_custom_template(core):
    core.templates.take_in(SAMPLE, "sample")
    with core.desk.transaction() as connection:
        ours = store.load_from_library(connection, "our-mail")
    with pytest.raises(AlreadyExists), core.desk.transaction() as connection:
        store.save_template(connection, replace(ours, files={SPEC: "x"}))
    with core.desk.transaction() as connection:
        assert template_store.stored_files(connection, "our-mail", "1.0.0") == SAMPLE


def planned(core, **wish):
    core.certificates.ensure_builtin("mail", ["mail.demo.local"])
    core.dhparam.ensure_dhparam()
    return core.configuration.plan(Wish(values={"mail_host": "mail.demo.local"}, **wish))


def test_a_version_mismatch_is_refused_by_name_in_the_plan_too(core):
    spec = changed("1.0.0")
    spec[SPEC] = spec[SPEC].replace("parameters:\n", "supports: {postfix: '>=99'}\nparameters:\n", 1)
    core.templates.take_in(spec, "sample")
    with pytest.raises(CheckFailed) as caught:
        planned(core, template="our-mail")
    said = [caught.value.message, *caught.value.details]
    assert any("postfix" in line and ">=99" in line and "installed" in line for line in said), said


def test_a_plan_renders_a_custom_template_and_asks_for_the_edition(core, node, monkeypatch):
    # The test machine has not the six daemons; that is refused (above), and not what this is about.
    monkeypatch.setattr("rupost_core.components.registry.unsupported", lambda _installed, _supports: [])
    core.templates.take_in(SAMPLE, "sample")
    plan = planned(core, template="our-mail")
    assert plan.template == "our-mail 1.0.0"
    assert "nginx/help.conf" in {change.path for change in plan.files}
    (node / "license").unlink()
    with pytest.raises(EditionRequired, match=r"our-mail 1\.0\.0"):
        planned(core, template="our-mail")
    assert planned(core).template == "standalone 1.0.0"


def run(*arguments, cwd=ROOT):
    done = subprocess.run(
        [sys.executable, "-m", "rupost_cli", *arguments], capture_output=True, text=True, cwd=cwd, timeout=120,
        env={**os.environ, "RUPOST_LANGUAGE": "en", "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_commands(core, tmp_path):
    folder = tmp_path / "mine"
    assert run("template", "sample", "--output", str(folder)).returncode == 0
    assert run("template", "sample", "--output", str(folder)).returncode == 2
    assert "#### template.yaml" in run("template", "sample").stdout
    done = run("template", "lint", str(folder))
    assert (done.returncode, done.stdout) == (0, "")
    (folder / "nginx/help.conf.j2").write_text("{{ p.help_pag | nginx }}\n\x1b[31m{{ p.x }}")
    done = run("template", "lint", str(folder))
    assert done.returncode == 2
    assert "error: nginx/help.conf.j2, line 1: " in done.stdout and "help_page" in done.stdout
    data = json.loads(run("template", "lint", str(folder), "--json").stdout)
    assert data["errors"] == 2 and [one["severity"] for one in data["findings"]] == ["error", "error", "warning"]
    assert data["findings"][0].keys() == {"severity", "file", "line", "reason"}
    assert run("template", "import", str(folder)).returncode == 2
    (folder / "nginx/help.conf.j2").write_text(SAMPLE["nginx/help.conf.j2"])
    done = run("template", "import", str(folder), "--json")
    assert json.loads(done.stdout)["is_new"] is True, done.stderr
    assert run("template", "export", "our-mail", cwd=tmp_path).returncode == 0
    first = (tmp_path / "our-mail-1.0.0.tar.gz").read_bytes()
    assert run("template", "export", "our-mail", "--output", str(tmp_path / "b.tgz")).returncode == 0
    assert (tmp_path / "b.tgz").read_bytes() == first
    assert run("template", "export", "our-mail", cwd=tmp_path).returncode == 2
    assert run("template", "lint", "our-mail").returncode == 0
    assert run("template", "lint", "our-male").returncode == 2
    assert "standalone 1.0.0" in run("template", "list").stdout
    shown = run("template", "show", "our-mail").stdout
    assert "archive_mailbox" in shown and "Installed" in shown
    assert "smtpd_banner" in run("template", "show", "our-mail", "--source", "postfix/main.cf.j2").stdout
    assert run("template", "show", "our-mail", "--source", "nothere").returncode == 2
    assert run("template", "remove", "our-mail").returncode == 0
    assert run("template", "lint", "/etc/passwd").returncode == 2
    assert run("license", "show", "--json").stdout.startswith('{\n  "edition": "enterprise"')
