"""The way of a deployment on a node whose units and ports are played, and whose files are real.

The real units and ports take the same way in tests/lab/test_deployment.py.
"""

import os
import threading

import pytest

from rupost_core.components.model import Problem
from rupost_core.components.probe import PUBLIC_PORTS, ProbeResult
from rupost_core.configuration.deploy import NodeDeployment
from rupost_core.configuration.live import LiveConfiguration
from rupost_core.configuration.model import RenderedFile
from rupost_core.configuration.transition import Transition
from rupost_core.configuration.walls import Checkers
from rupost_core.errors import CheckFailed, CommandFailed, DeploymentError, RolledBack
from rupost_core.host import clock


class PlayedComponent:
    def __init__(self, name):
        self.name = name
        self.unit = self.boot_unit = f"{name}.service"
        self.main_file = f"{name}/main"
        self.package = name
        self.problems = []
        self.trouble = ""

    def check(self, view):
        assert (view.staged / self.main_file).exists()
        return self.problems

    def trouble_after_reload(self, since):
        return self.trouble


class PlayedHost:
    """Units that can be broken; `log` is what was asked of them. The ports answer while `serves(live)` is true."""

    def __init__(self, live):
        self.live = live
        self.active = set()
        self.log = []
        self.broken = {}
        self.serves = lambda number: True
        self.interrupt = None

    def act(self, action, unit):
        self.log.append((action, unit))
        if self.broken.get(unit) == self.live.current():
            raise CommandFailed(f"{unit} does not {action}")
        if self.interrupt == unit:
            self.interrupt = None
            raise KeyboardInterrupt
        if action == "stop":
            self.active.discard(unit)
        elif action != "enable":
            self.active.add(unit)

    def states(self, units):
        return {unit: "active" if unit in self.active else "inactive" for unit in units}

    def probe(self, within_seconds):
        error = "" if self.serves(self.live.current()) else "refused"
        return [ProbeResult(PUBLIC_PORTS[0], 0.0, error)]


def files(text):
    return tuple(
        RenderedFile(c, f"{c}/{name}", "root", "root", mode, False, text)
        for c in ("postfix", "nginx")
        for name, mode in (("main", 0o644), ("maps/secret", 0o640))
    )


CHANGES = {"postfix": "reload", "nginx": "untouched"}
FIRST = {"postfix": "start", "nginx": "start"}


def transition(live, number, reactions, confirm_within=None):
    return Transition(number, live.current(), number, reactions, "root", clock.now(), confirm_within)


@pytest.fixture
def node(tmp_path):
    class Node:
        live = LiveConfiguration(tmp_path)
        host = PlayedHost(live)
        components = {name: PlayedComponent(name) for name in ("postfix", "nginx")}
        steps = []

        def deploy(self, number, text, reactions, confirm_within=None):
            deployment = NodeDeployment(
                self.live, self.components, self.host, self.steps.append, walls=(Checkers(self.components),)
            )
            with self.live.lock(patience=0.05):
                return deployment.run(transition(self.live, number, reactions, confirm_within), files(text))

        def content(self):
            return (self.live.link / "postfix/main").read_text()

    node = Node()
    node.deploy(1, "one", FIRST)
    node.host.log.clear()
    node.steps.clear()
    return node


def test_the_first_generation_is_started(node):
    assert node.live.current() == 1
    assert node.content() == "one"
    assert os.readlink(node.live.link) == "generations/1"
    assert (node.live.link / "nginx/maps/secret").stat().st_mode & 0o777 == 0o640


def test_only_what_changed_is_reloaded(node):
    node.deploy(2, "two", CHANGES)
    assert node.content() == "two"
    assert node.host.log == [("reload", "postfix.service")]
    assert [step.name for step in node.steps] == ["stage", "checkers", "checkers", "switch", "reload", "probe"]


def test_a_refused_check_touches_nothing(node):
    node.components["nginx"].problems = [Problem("nginx", "nginx/main", 3, "unknown directive")]
    with pytest.raises(CheckFailed, match="nginx/main.*3.*unknown directive"):
        node.deploy(2, "two", CHANGES)
    assert node.live.current() == 1
    assert node.host.log == []


def test_a_unit_that_does_not_reload_brings_the_former_generation_back(node):
    node.host.broken = {"postfix.service": 2}
    with pytest.raises(RolledBack, match="does not reload"):
        node.deploy(2, "two", CHANGES)
    assert node.content() == "one"
    assert node.host.log == [("reload", "postfix.service")] * 2


def test_a_daemon_that_went_on_with_its_old_configuration_is_found_out(node):
    node.components["postfix"].trouble = "kept the old workers"
    with pytest.raises(DeploymentError, match="kept the old workers"):
        node.deploy(2, "two", CHANGES)
    assert node.content() == "one"


def test_a_silent_port_brings_the_former_generation_back(node):
    node.host.serves = lambda number: number == 1
    with pytest.raises(RolledBack, match="25 SMTP"):
        node.deploy(2, "two", CHANGES)
    assert node.live.current() == 1


def test_a_cancelled_deployment_takes_itself_back(node):
    node.host.interrupt = "postfix.service"
    with pytest.raises(RolledBack):
        node.deploy(2, "two", CHANGES)
    assert node.content() == "one"


def test_when_neither_generation_serves_the_error_says_so(node):
    node.host.serves = lambda number: False
    with pytest.raises(DeploymentError) as caught:
        node.deploy(2, "two", CHANGES)
    assert not isinstance(caught.value, RolledBack)
    assert node.live.current() == 1


def test_a_failed_first_deployment_leaves_a_silent_node(tmp_path):
    live = LiveConfiguration(tmp_path)
    host = PlayedHost(live)
    host.serves = lambda number: False
    components = {name: PlayedComponent(name) for name in ("postfix", "nginx")}
    with pytest.raises(RolledBack):
        deployment = NodeDeployment(live, components, host, lambda step: None, walls=(Checkers(components),))
        deployment.run(transition(live, 1, FIRST), files("one"))
    assert live.current() == 0
    assert host.active == set()


def test_a_stopped_unit_is_started_though_nothing_of_it_changed(node):
    node.host.active.discard("nginx.service")
    node.deploy(2, "two", CHANGES)
    assert ("restart", "nginx.service") in node.host.log


def test_two_deployments_do_not_run_at_once(node):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with node.live.lock():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    try:
        with pytest.raises(DeploymentError):
            node.deploy(2, "two", CHANGES)
    finally:
        leave.set()
        holder.join()
    assert node.live.current() == 1


def test_old_folders_are_pruned_and_the_live_one_never(node):
    for number in range(2, 20):
        node.deploy(number, str(number), CHANGES)
    kept = sorted(int(p.name) for p in (node.live.root / "generations").iterdir() if p.name.isdigit())
    assert kept == [0, *range(10, 20)]
