"""Drift and overrides over a real PostgreSQL and a real live folder. Daemons take part in tests/lab/test_drift.py."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from rupost_core.configuration import drift_store, store
from rupost_core.configuration.drafting import Wish
from rupost_core.configuration.drift_service import DriftService
from rupost_core.configuration.drift_store import NotedDrift
from rupost_core.configuration.library import builtin_templates, load
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.override import Override
from rupost_core.configuration.override_service import OverrideService
from rupost_core.configuration.parameters import as_data
from rupost_core.configuration.service import ConfigurationService
from rupost_core.core import Core
from rupost_core.errors import AccessDenied, CheckFailed, DriftFound, InputError, NotFound, OverrideConflict
from rupost_core.operation import Actor, Role
from rupost_core.secret import Keyring
from rupost_core.settings import Settings

MAIN, SECRET = "postfix/main.cf", "dovecot/sql.conf"
SIZE, HAND = "message_size_limit = 52428800", "message_size_limit = 77777777"


def template(version: str = "1.0.0", old: str = "", new: str = "", source: str = "postfix/main.cf.j2"):  # type: ignore[no-untyped-def]
    """The built-in template for a machine without the daemons and their groups; with a line of one source changed."""
    files = dict(builtin_templates()[0].files)
    spec = files["template.yaml"].replace("group: postfix, ", "").replace("group: sogo, ", "")
    spec = re.sub(r"^supports:\n(?:  .*\n)+", "supports: {}\n", spec, flags=re.MULTILINE)
    files["template.yaml"] = spec.replace("version: 1.0.0", f"version: {version}")
    assert old in files[source]
    files[source] = files[source].replace(old, new) if old else files[source]
    return load(files, f"standalone {version}")


class Node:
    """A node with generation 1 live; its daemons take no part."""

    def __init__(self, core: Core, root: Path) -> None:
        self.core = core
        self.live = LiveConfiguration(root)
        self.configuration = ConfigurationService(core.desk, self.live)
        self.drift = DriftService(core.desk, self.configuration)
        self.override = OverrideService(core.desk, self.configuration)
        core.certificates.ensure_builtin("mail", ["mail.demo.local"])
        core.dhparam.ensure_dhparam()
        with core.desk.transaction() as connection:
            store.save_template(connection, template())
        self.make(Wish(values={"mail_host": "mail.demo.local"}))

    def make(self, wish: Wish) -> None:
        """Stores and switches, as a deployment does between its checks."""
        with self.core.desk.transaction() as connection:
            draft = self.configuration.drafting.draft(connection, wish)
            made = store.add_generation(
                connection, self.core.desk.keyring, used=draft.template, parameters=as_data(draft.values),
                based_on=None, author="admin", reason="test", component_versions={}, files={"node1": draft.files},
            )  # fmt: skip
        self.live.stage(made.number, draft.files)
        self.live.switch(made.number)

    def adopt(self, *paths: str) -> None:
        texts, _former = self.drift._adopt(paths, "why", others_too=False)
        self.make(Wish(adopted=texts))

    def upgrade(self, version: str, old: str, new: str) -> None:
        with self.core.desk.transaction() as connection:
            store.save_template(connection, template(version, old, new))

    def file(self, path: str = MAIN) -> Path:
        return self.live.link / path

    def edit(self, old: str, new: str, path: str = MAIN) -> None:
        content = self.file(path).read_text()
        assert old in content
        self.file(path).write_text(content.replace(old, new))


@pytest.fixture
def node(core: Core, tmp_path: Path) -> Node:
    return Node(core, tmp_path)


def test_what_the_agent_sees_is_noted_and_forgotten(node: Node) -> None:
    seen_at = datetime(2026, 11, 24, 4, 30, tzinfo=UTC)
    found = [NotedDrift("node1", MAIN, "changed", seen_at), NotedDrift("node1", "x", "added", seen_at)]
    node.drift.note(found)
    assert node.drift.noted() == node.drift.noted("node1") == found
    assert node.drift.noted("node2") == []
    node.drift.note(found[:1])
    assert node.drift.noted() == found[:1]
    node.drift.note([])
    assert node.drift.noted() == []
    row = node.core.access.journal(1)[0]
    assert (row.operation, row.before, row.after) == ("drift.note", {MAIN: "changed"}, {})


def test_drift_shows_three_ways_and_hides_secrets(node: Node) -> None:
    assert node.drift.drift().views == ()
    node.edit(SIZE, HAND)
    node.edit("connect", "# SECRET\nconnect", SECRET)
    node.upgrade("1.0.1", "message_size_limit = ", "message_size_limit = 1")
    views = {view.drift.path: view for view in node.drift.drift().views}
    main, secret = views[MAIN].view, views[SECRET].view
    assert main is not None and secret is not None
    assert f"-{SIZE}" in main.diff and f"+{HAND}" in main.diff
    assert ">message_size_limit = 152428800" in main.diff and main.meets_next
    assert (secret.diff, secret.added_lines) == ((), 1)
    shown = {view.drift.path: view for view in node.drift.drift(show_secrets=True).views}[SECRET].view
    assert shown is not None and "+# SECRET" in shown.diff


def test_an_adopted_edit_is_deployed_as_it_lies_there_and_outlives_parameters_and_versions(node: Node) -> None:
    node.edit(SIZE, HAND)
    content = node.file().read_text()
    node.adopt(MAIN)
    assert node.file().read_text() == content
    assert node.drift.drift().views == ()
    assert node.configuration.plan(Wish()).is_empty
    plan = node.configuration.plan(Wish(values={"relay_host": "relay.demo.local:25"}))
    (use,) = plan.overrides
    assert (use.path, use.state, use.reason, use.author) == (MAIN, "applied", "why", "admin")
    (change,) = [change for change in plan.files if change.path == MAIN]
    assert not any("message_size_limit" in line for line in change.diff if line[:1] in "+-")
    node.upgrade("1.0.1", "recipient_delimiter = +", "recipient_delimiter = -")
    node.make(Wish(version="1.0.1"))
    assert HAND in node.file().read_text() and "recipient_delimiter = -" in node.file().read_text()
    node.override.drop(MAIN)
    node.make(Wish())
    assert SIZE in node.file().read_text()
    with pytest.raises(NotFound):
        node.override.drop(MAIN)


def test_where_the_template_changes_the_same_line_everything_is_refused_until_it_is_solved(node: Node) -> None:
    node.edit(SIZE, HAND)
    node.adopt(MAIN)
    with pytest.raises(OverrideConflict) as caught:
        node.configuration.plan(Wish(values={"message_size_limit": "88M"}))
    assert f"override: {HAND}" in caught.value.details
    assert "template: message_size_limit = 92274688" in caught.value.details
    node.upgrade("1.0.1", "message_size_limit = ", "message_size_limit = 1")
    with pytest.raises(OverrideConflict):
        node.configuration.plan(Wish(version="1.0.1"))
    (use,) = node.override.overrides()
    assert use.state == "conflict"
    assert node.configuration.plan(Wish(version="1.0.0")).is_empty


def test_a_new_version_that_cannot_be_rendered_yet_keeps_nobody_from_adopting(node: Node) -> None:
    """It may ask for a parameter that nobody has given; while there is drift nobody can deploy and give it."""
    node.edit(SIZE, HAND)
    node.upgrade("1.0.1", "message_size_limit = ", "message_size_limit = {{ p.no_such | word }}")
    report = node.drift.drift()
    assert "no_such" in report.next_problem
    assert report.views[0].view is not None and f"+{HAND}" in report.views[0].view.diff
    node.adopt(MAIN)
    assert HAND in node.file().read_text()
    assert [use.state for use in node.configuration.plan(Wish(version="1.0.0")).overrides] == ["applied"]


def test_a_conflict_is_solved_in_the_editor(node: Node) -> None:
    node.edit(SIZE, HAND)
    node.adopt(MAIN)
    with node.core.desk.transaction() as connection:
        store.save_template(connection, template("1.0.0", "message_size_limit = ", "message_size_limit = 1"))
    (use,) = node.override.overrides()
    assert use.state == "conflict" and use.conflict_lines
    draft = node.override.draft(MAIN)
    assert draft.conflicts == 1 and "<<<<<<< override" in draft.text
    with pytest.raises(InputError, match="still marked"):
        node.override.edit(draft, draft.text, "")
    solved = draft.base.replace("message_size_limit = 152428800", "message_size_limit = 5")
    made = node.override.edit(draft, solved, "")
    assert made is not None and (made.state, made.reason) == ("applied", "why")
    node.make(Wish())
    assert "message_size_limit = 5\n" in node.file().read_text()
    assert node.override.edit(node.override.draft(MAIN), draft.base, "") is None
    assert node.override.overrides() == []


def test_an_override_that_the_template_has_taken_over_is_told_to_be_needless(node: Node) -> None:
    node.edit("recipient_delimiter = +", "recipient_delimiter = -")
    node.adopt(MAIN)
    with node.core.desk.transaction() as connection:
        store.save_template(connection, template("1.0.0", "recipient_delimiter = +", "recipient_delimiter = -"))
    (use,) = node.configuration.plan(Wish()).overrides
    assert use.state == "needless"


def test_a_second_edit_is_added_to_the_first(node: Node) -> None:
    node.edit(SIZE, HAND)
    node.adopt(MAIN)
    node.edit("recipient_delimiter = +", "recipient_delimiter = -")
    node.adopt(MAIN)
    view = node.override.show(MAIN)
    assert {"+recipient_delimiter = -", f"+{HAND}", f"-{SIZE}"} <= set(view.diff)
    assert node.configuration.plan(Wish()).is_empty


def test_what_waits_to_be_deployed_does_not_come_with_an_adoption(node: Node) -> None:
    with node.core.desk.transaction() as connection:
        store.save_template(connection, template("1.0.0", "recipient_delimiter = +", "recipient_delimiter = -"))
    node.edit(SIZE, HAND)
    content = node.file().read_text()
    node.adopt(MAIN)
    assert node.file().read_text() == content
    (change,) = node.configuration.plan(Wish()).files
    assert [line for line in change.diff if line[:1] in "+-"] == [
        "-recipient_delimiter = +",
        "+recipient_delimiter = -",
    ]


def test_an_adoption_that_cannot_be_deployed_leaves_everything_as_it_was(node: Node) -> None:
    """This machine has no daemons, so the real deployment refuses: their versions do not fit the template."""
    node.edit(SIZE, HAND)
    content = node.file().read_text()
    with pytest.raises(CheckFailed):
        node.drift.adopt([MAIN], "why", lambda step: None)
    assert node.override.overrides() == []
    assert node.file().read_text() == content
    node.adopt(MAIN)
    node.edit(HAND, "message_size_limit = 3")
    with pytest.raises(CheckFailed):
        node.drift.adopt([MAIN], "another", lambda step: None)
    (use,) = node.override.overrides()
    assert use.reason == "why"
    assert f"+{HAND}" in node.override.show(MAIN).diff


def test_what_cannot_be_adopted_says_why_and_what_to_do(node: Node) -> None:
    def refused(path: str, match: str, error: type[Exception] = InputError) -> None:
        with pytest.raises(error, match=match) as caught:
            node.drift._adopt((path,), "why", others_too=True)
        assert getattr(caught.value, "hint", "")

    refused(MAIN, "as deployed")
    refused("postfix/man.cf", f"Did you mean “{MAIN}”", NotFound)
    node.file("nginx/x.conf").write_text("x")
    refused("nginx/x.conf", "adds none")
    node.file().chmod(0o600)
    refused(MAIN, "rights or owner")
    node.file("nginx/http.conf").unlink()
    refused("nginx/http.conf", "no regular file")
    node.file("tls/mail.crt").write_text("x")
    refused("tls/mail.crt", "certificates")
    node.file("haproxy/haproxy.cfg").write_bytes(b"\xff")
    refused("haproxy/haproxy.cfg", "UTF-8")
    node.file("memcached/memcached.conf").write_text("a\0b")
    with pytest.raises(InputError, match="NUL"):
        node.drift._adopt(("memcached/memcached.conf",), "why", others_too=True)
    with pytest.raises(InputError, match="reason"):
        node.drift._adopt((MAIN,), " ", others_too=True)
    node.edit(SIZE, HAND)
    with pytest.raises(DriftFound, match=r"nginx/x\.conf"):
        node.drift._adopt((MAIN,), "why", others_too=False)
    assert node.override.overrides() == []


def test_full_paths_name_the_same_file(node: Node) -> None:
    node.edit(SIZE, HAND)
    node.adopt(str(node.file()))
    assert [use.path for use in node.override.overrides()] == [MAIN]


def test_restoring_sets_aside_and_journals(node: Node) -> None:
    node.edit(SIZE, HAND)
    node.edit("connect", "# SECRET\nconnect", SECRET)
    restored = node.drift._restore((MAIN,), False)
    assert [drift.path for drift in restored.drifts] == [MAIN]
    assert [change.component for change in restored.components] == ["postfix"]
    assert restored.set_aside is not None and HAND in (restored.set_aside / MAIN).read_text()
    assert [view.drift.path for view in node.drift.drift().views] == [SECRET]
    row = node.core.access.journal(1)[0]
    assert (row.operation, row.before) == ("config.restore", {MAIN: "changed"})
    assert row.after == {"set_aside": str(restored.set_aside), "generation": 1}
    with pytest.raises(NotFound):
        node.drift._restore(("postfix/man.cf",), False)
    assert node.drift._restore((), True).drifts != ()
    assert node.drift._restore((), True).drifts == ()


def test_texts_are_sealed_and_never_in_the_journal(node: Node, keyring: Keyring) -> None:
    node.edit("connect", "# SECRET\nconnect", SECRET)
    node.adopt(SECRET)
    assert node.override.show(SECRET).diff == ()
    assert "+# SECRET" in node.override.show(SECRET, show_secrets=True).diff
    with node.core.desk.transaction() as connection:
        for table in ("override", "journal", "drift"):
            rows = connection.execute(text(f'SELECT "{table}"::text FROM "{table}"')).scalars().all()  # noqa: S608
            assert not any("SECRET" in row or b"SECRET".hex() in row for row in rows)
        (stored,) = drift_store.overrides(connection, keyring)
    assert "SECRET" in stored.text and "SECRET" not in repr(stored)


def test_the_store_gives_back_what_it_was_given(core: Core, keyring: Keyring) -> None:
    wanted = Override("a/b", "базис\n", "text\r\n\u2028", True, "admin", "почему", datetime(2026, 1, 2, tzinfo=UTC))
    with core.desk.transaction() as connection:
        drift_store.save_override(connection, keyring, wanted)
        assert drift_store.get_override(connection, keyring, "a/b") == wanted
        changed = dataclasses.replace(wanted, text="", secret=False)
        drift_store.save_override(connection, keyring, changed)
        assert drift_store.overrides(connection, keyring) == [changed]
        with pytest.raises(NotFound, match="Did you mean"):
            drift_store.get_override(connection, keyring, "a/c")
        drift_store.drop_override(connection, "a/b")
        assert drift_store.find_override(connection, keyring, "a/b") is None


def test_a_viewer_may_look_and_nothing_else(node: Node, settings: Settings) -> None:
    node.edit(SIZE, HAND)
    node.adopt(MAIN)
    with Core(settings, Actor("eve", Role.VIEWER, "web")) as core:
        configuration = ConfigurationService(core.desk, node.live)
        drift, override = DriftService(core.desk, configuration), OverrideService(core.desk, configuration)
        assert drift.noted() == []
        assert len(override.overrides()) == 1 and override.show(MAIN).diff
        attempts = (
            lambda: drift.drift(show_secrets=True),
            lambda: override.show(MAIN, show_secrets=True),
            lambda: override.draft(MAIN),
            lambda: override.drop(MAIN),
            lambda: drift.adopt([MAIN], "why", lambda step: None),
            lambda: drift.restore([MAIN], lambda step: None),
            lambda: drift.note([]),
            configuration.live_folder,
        )
        for attempt in attempts:
            with pytest.raises(AccessDenied):
                attempt()
