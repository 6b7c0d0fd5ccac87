"""Drift of real files in a real folder: found exactly, set aside, put right; and what it means for a deployment."""

import os
import shutil
import stat
from dataclasses import replace

import pytest

from rupost_core.configuration.deploy import NodeDeployment
from rupost_core.configuration.drift import Drift, compare
from rupost_core.configuration.drift_guard import DriftGuard
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.live_folder import LiveFolder
from rupost_core.configuration.manifest import Entry, from_json, to_json
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.three_way import three_way
from rupost_core.errors import DeploymentError, DriftFound
from tests.unit.test_configuration_deploy import FIRST, PlayedComponent, PlayedHost, transition

FILES = tuple(
    RenderedFile(component, f"{component}/{name}", "root", group, mode, secret, f"{component} {name}\n")
    for component in ("postfix", "nginx")
    for name, group, mode, secret in (("main", "root", 0o644, False), ("maps/secret", "mail", 0o640, True))
)
MAIN, SECRET = "postfix/main", "postfix/maps/secret"


@pytest.fixture
def folder(tmp_path):
    live = LiveConfiguration(tmp_path)
    live.stage(1, FILES)
    live.switch(1)
    return LiveFolder(live, 1, FILES)


def at(folder, path):
    return folder.folder / path


def replaced(path, text):
    """As editors do it: a new file, renamed over the old one."""
    fresh = path.with_name(".fresh")
    fresh.write_text(text)
    shutil.copymode(path, fresh)
    fresh.replace(path)


def linked(path, elsewhere):
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


EDITS = {
    "append": (lambda f: at(f, MAIN).open("a").write("x"), [(MAIN, "changed")]),
    "same length": (lambda f: at(f, MAIN).write_text("Postfix main\n"), [(MAIN, "changed")]),
    "truncate": (lambda f: at(f, MAIN).write_text(""), [(MAIN, "changed")]),
    "rename over": (lambda f: replaced(at(f, MAIN), "x"), [(MAIN, "changed")]),
    "chmod": (lambda f: at(f, MAIN).chmod(0o600), [(MAIN, "attributes")]),
    "setuid": (lambda f: at(f, MAIN).chmod(0o4644), [(MAIN, "attributes")]),
    "chown": (lambda f: os.chown(at(f, MAIN), 1, -1), [(MAIN, "attributes")]),
    "chgrp": (lambda f: os.chown(at(f, SECRET), -1, 0), [(SECRET, "attributes")]),
    "remove": (lambda f: at(f, MAIN).unlink(), [(MAIN, "removed")]),
    "move": (lambda f: at(f, MAIN).rename(at(f, "postfix/m")), [("postfix/m", "added"), (MAIN, "removed")]),
    "add": (lambda f: at(f, "nginx/x.conf").write_text("x"), [("nginx/x.conf", "added")]),
    "add at the top": (lambda f: at(f, "x").write_text("x"), [("x", "added")]),
    "add a folder": (lambda f: (at(f, "x/y").mkdir(parents=True), at(f, "x/y/z").touch()), [("x", "added")]),
    "link in place": (lambda f: linked(at(f, MAIN), f.live.root / "m"), [(MAIN, "changed")]),
    "pipe in place": (lambda f: (at(f, MAIN).unlink(), os.mkfifo(at(f, MAIN))), [(MAIN, "changed")]),
    "folder in place": (lambda f: (at(f, MAIN).unlink(), at(f, MAIN).mkdir()), [(MAIN, "changed")]),
    "folder's mode": (lambda f: at(f, "postfix").chmod(0o700), [("postfix", "attributes")]),
    "generation's mode": (lambda f: f.folder.chmod(0o700), [(".", "attributes")]),
    "folder removed": (
        lambda f: shutil.rmtree(at(f, "postfix/maps")),
        [("postfix/maps", "removed"), (SECRET, "removed")],
    ),
    "folder is a link": (
        lambda f: linked(at(f, "postfix/maps"), f.live.root / "m"),
        [("postfix/maps", "changed"), (SECRET, "removed")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_every_kind_of_edit_is_found_and_put_right(folder, name):
    assert folder.drifts() == ()
    edit, expected = EDITS[name]
    edit(folder)
    found = folder.drifts()
    assert [(drift.path, drift.kind) for drift in found] == sorted(expected)
    folder.set_aside(found)
    folder.put_right(found)
    assert folder.drifts() == ()
    for file in FILES:
        assert at(folder, file.path).read_text() == file.content


def test_everything_at_once(folder):
    shutil.rmtree(folder.folder)
    assert {drift.kind for drift in folder.drifts()} == {"removed"}
    folder.put_right(folder.drifts())
    assert folder.drifts() == ()


def test_what_a_hand_wrote_is_set_aside_for_root_alone(folder):
    at(folder, MAIN).write_text("mine")
    at(folder, "nginx/x").mkdir()
    at(folder, "nginx/x/y").write_text("mine too")
    at(folder, "nginx/l").symlink_to("/etc/passwd")
    os.mkfifo(at(folder, "nginx/p"))
    at(folder, SECRET).unlink()
    aside = folder.set_aside(folder.drifts())
    assert aside.parent == folder.live.root / "set-aside"
    assert stat.S_IMODE(aside.parent.stat().st_mode) == 0o700
    assert (aside / MAIN).read_text() == "mine"
    assert stat.S_IMODE((aside / MAIN).stat().st_mode) == 0o600
    assert (aside / "nginx/x/y").read_text() == "mine too"
    assert (aside / "nginx/l").readlink().as_posix() == "/etc/passwd"
    assert folder.set_aside(folder.drifts()) != aside
    folder.put_right(folder.drifts())
    assert folder.set_aside(folder.drifts()) is None


def test_only_what_was_named_is_put_right(folder):
    shutil.rmtree(at(folder, "postfix/maps"))
    at(folder, MAIN).write_text("mine")
    chosen = folder.with_needed(folder.drifts(), [SECRET])
    assert [drift.path for drift in chosen] == ["postfix/maps", SECRET]
    folder.put_right(chosen)
    assert [drift.path for drift in folder.drifts()] == [MAIN]
    below = folder.with_needed(folder.drifts(), ["postfix"])
    assert [drift.path for drift in below] == [MAIN]


def test_attributes_are_told(folder):
    at(folder, MAIN).chmod(0o600)
    os.chown(at(folder, MAIN), 1, 2)
    (drift,) = folder.drifts()
    assert drift.attributes == ("mode 0644 → 0600", "uid 0 → 1", "gid 0 → 2")
    assert drift.component == "postfix"


def test_the_manifest_is_as_the_folder_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        live = LiveConfiguration(tmp_path)
        live.stage(1, FILES)
    finally:
        os.umask(before)
    assert LiveFolder(live, 1, FILES).drifts() == ()
    manifest = live.manifest(1)
    assert manifest == LiveFolder(live, 1, FILES).manifest == from_json(to_json(manifest))
    assert stat.S_IMODE((tmp_path / "generations/1.manifest.json").stat().st_mode) == 0o600


def test_the_manifest_goes_with_its_generation(folder):
    for number in range(2, 15):
        folder.live.stage(number, FILES)
        folder.live.switch(number)
    folder.live.prune()
    names = {path.name for path in (folder.live.root / "generations").iterdir()}
    assert names == {"0"} | {str(n) for n in range(5, 15)} | {f"{n}.manifest.json" for n in range(5, 15)}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"type": "file"}}'])
def test_a_broken_manifest_is_none(folder, text):
    (folder.live.root / "generations/1.manifest.json").write_text(text)
    assert folder.live.manifest(1) is None


def test_comparing_is_pure():
    entry = Entry("file", 0o644, 0, 0, "1")
    assert compare({"a": entry}, {"a": entry}) == ()
    assert compare({"a": entry}, {"a": replace(entry, digest="2", mode=0o600)}) == (
        Drift("a", "changed", "file", ("mode 0644 → 0600",)),
    )


# What it means for a deployment


class Node:
    def __init__(self, live):
        self.live = live
        self.host = PlayedHost(live)
        self.components = {name: PlayedComponent(name) for name in ("postfix", "nginx")}
        self.steps = []

    def deploy(self, number, files, guard):
        deployment = NodeDeployment(
            self.live, self.components, self.host, self.steps.append, walls=(), before_switch=guard.before_switch
        )
        with self.live.lock():
            deployment.run(transition(self.live, number, FIRST), files)


def changed(text):
    return tuple(replace(file, content=text) if file.path == MAIN else file for file in FILES)


def test_a_deployment_meets_an_edit_and_touches_nothing(folder):
    node = Node(folder.live)
    at(folder, MAIN).write_text("mine")
    with pytest.raises(DriftFound) as caught:
        node.deploy(2, changed("two"), DriftGuard(folder))
    assert caught.value.message == "postfix/main: changed"
    assert caught.value.exit_code == 43
    assert folder.live.current() == 1
    assert at(folder, MAIN).read_text() == "mine"
    assert node.host.log == []


def test_an_edit_made_while_the_walls_look_is_met_too(folder):
    guard = DriftGuard(folder)
    guard.refuse()
    at(folder, MAIN).write_text("mine")
    with pytest.raises(DriftFound):
        Node(folder.live).deploy(2, changed("two"), guard)


def test_discarding_sets_the_edit_aside_and_goes_on(folder):
    node = Node(folder.live)
    at(folder, MAIN).write_text("mine")
    node.deploy(2, changed("two"), DriftGuard(folder, discard=True))
    assert folder.live.current() == 2
    (step,) = [step for step in node.steps if step.name == "set-aside"]
    assert step.message == "postfix/main: changed"
    (aside,) = (folder.live.root / "set-aside").iterdir()
    assert (aside / MAIN).read_text() == "mine"


def test_discarding_for_the_same_generation_puts_its_files_back(folder):
    at(folder, MAIN).write_text("mine")
    Node(folder.live).deploy(1, FILES, DriftGuard(folder, discard=True))
    assert folder.drifts() == ()


def test_an_adopted_edit_is_no_obstacle_unless_it_was_edited_again(folder):
    at(folder, MAIN).write_text("mine")
    at(folder, MAIN).chmod(0o600)
    guard = DriftGuard(folder, adopted={MAIN: "mine"})
    guard.refuse()
    at(folder, MAIN).write_text("mine again")
    with pytest.raises(DriftFound):
        Node(folder.live).deploy(2, changed("mine"), guard)
    at(folder, MAIN).write_text("mine")
    Node(folder.live).deploy(2, changed("mine"), guard)
    assert (folder.live.link / MAIN).read_text() == "mine"


def test_a_failure_to_set_aside_stops_the_deployment(folder):
    (folder.live.root / "set-aside").write_text("in the way")
    at(folder, MAIN).write_text("mine")
    with pytest.raises(DeploymentError, match="set aside"):
        Node(folder.live).deploy(2, changed("two"), DriftGuard(folder, discard=True))
    assert folder.live.current() == 1


# The three-way view


def test_three_way_marks_where_the_next_deployment_changes_the_same_lines():
    base = "".join(f"{n}\n" for n in range(20))
    view = three_way(base, base.replace("5\n", "five\n", 1), base.replace("5\n", "V\n", 1).replace("17\n", ""))
    assert view.diff == ("@@ -4,5 +4,5 @@", " 3", " 4", "-5", "+five", ">V", " 6", " 7")
    assert (view.added_lines, view.removed_lines, view.meets_next, view.next_changes) == (1, 1, True, True)


def test_three_way_where_the_next_deployment_changes_other_lines_or_none():
    base = "".join(f"{n}\n" for n in range(20))
    other = three_way(base, base.replace("5\n", "five\n", 1), base.replace("17\n", "x\n"))
    assert (other.meets_next, other.next_changes) == (False, True)
    same = three_way(base, base + "20\n", base)
    assert (same.meets_next, same.next_changes) == (False, False)
    assert same.diff == ("@@ -19,2 +19,3 @@", " 18", " 19", "+20")
