"""Asking all probes at once: who is accused when others have failed, when a daemon gave up, when time is over."""

import dataclasses
import time
from types import SimpleNamespace

import pytest

from rupost_core.configuration.shadow.explain import Line
from rupost_core.configuration.shadow.findings import Findings
from rupost_core.configuration.shadow.probes import Probe
from rupost_core.configuration.shadow.questions import PROBES, ask_all
from rupost_core.configuration.shadow.talk import Unexpected
from tests.golden.samples import rendered
from tests.unit.test_shadow_plan import planned


class PlayedLog:
    def __init__(self, *lines):
        self._lines = list(lines)

    def lines(self):
        return self._lines

    syslog = lines


def world(seconds, *lines, components=("postfix", "dovecot", "nginx")):
    plan = dataclasses.replace(
        planned(rendered("plain")), deadline=time.monotonic() + seconds, components=tuple(components)
    )
    return SimpleNamespace(plan=plan, log=PlayedLog(*lines))


def probe(title, ask, *suspects):
    return Probe(title, ask, suspects or ("postfix",))


def good(_world):
    return None


def bad(_world):
    raise Unexpected("answered 'no'")


def slow(_world):
    time.sleep(20)


def broken(_world):
    raise KeyError("x")


def ask(where, *probes):
    passed = []
    started = time.monotonic()
    failed = ask_all(where, lambda p, _seconds: passed.append(p.title), probes)
    return passed, [(p.title, str(error)) for p, error in failed], time.monotonic() - started


def test_those_that_pass_are_told_and_those_that_break_have_failed():
    passed, failed, _seconds = ask(world(5), probe("a", good), probe("b", bad), probe("c", broken))
    assert passed == ["a"]
    assert failed == [("b", "answered 'no'"), ("c", "KeyError: 'x'")]


def test_after_a_failure_the_slow_ones_are_neither_waited_for_nor_accused():
    _passed, failed, seconds = ask(world(15), probe("slow", slow), probe("b", bad))
    assert [title for title, _text in failed] == ["b"]
    assert seconds < 5


def test_with_nothing_else_to_blame_the_time_is_over_for_the_slow_ones():
    _passed, failed, seconds = ask(world(0.3), probe("slow", slow), probe("a", good))
    assert [title for title, _text in failed] == ["slow"]
    assert seconds < 3


def test_a_daemon_that_gave_up_ends_the_waiting():
    line = Line("postfix", 4, "warning: /usr/lib/postfix/sbin/smtpd: bad command startup -- throttling")
    _passed, failed, seconds = ask(world(15, line), probe("slow", slow))
    assert [title for title, _text in failed] == ["slow"]
    assert seconds < 5


def test_components_that_the_generation_has_not_are_not_asked():
    passed, failed, _seconds = ask(world(5, components=["nginx"]), probe("a", bad), probe("b", good, "nginx"))
    assert (passed, failed) == (["b"], [])


@pytest.mark.parametrize("one", PROBES, ids=lambda one: one.title)
def test_every_probe_says_what_it_asks_and_suspects_known_components(one):
    assert one.title and one.suspects
    assert set(one.suspects) <= {"haproxy", "nginx", "postfix", "dovecot", "sogo", "memcached"}


@pytest.fixture
def files(tmp_path):
    for file in rendered("plain"):
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content)
    return tmp_path


def findings(files, *lines):
    return Findings(dataclasses.replace(planned(rendered("plain")), live=str(files)), PlayedLog(*lines))


def test_probes_of_one_cause_make_one_problem_of_whoever_complained_gravest(files):
    one, two = probe("first", bad, "postfix", "dovecot"), probe("second", bad, "postfix", "dovecot")
    lines = [Line("postfix", 4, "warning: later"), Line("dovecot", 3, "auth: Error: cannot bind")]
    (problem,) = findings(files, *lines).failed([(one, Unexpected("closed")), (two, Unexpected("late"))])
    assert problem.component == "dovecot"
    assert problem.reason == "first: closed; second: late: auth: Error: cannot bind"


def test_a_clear_failure_asks_no_log_and_a_clue_finds_the_line(files):
    error = Unexpected("serves another certificate", clue=r"ssl_certificate\b")
    (problem,) = findings(files, Line("postfix", 2, "fatal: x")).failed(
        [(probe("p", bad, "postfix", "nginx"), error)]
    )
    assert (problem.component, problem.reason) == ("nginx", "p: serves another certificate")
    assert problem.file.startswith("nginx/") and problem.line


def test_a_daemon_that_ended_tells_its_last_words(files):
    (problem,) = findings(files, Line("sogo", -1, "Aborting")).not_started([], [("sogo", 1)])
    assert (problem.component, problem.file) == ("sogo", "sogo/sogo.conf")
    assert "1" in problem.reason and "Aborting" in problem.reason
