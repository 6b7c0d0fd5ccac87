"""What the components' own checkers pass by or tell without a place: where RuPost finds it in the staged files."""

from __future__ import annotations

import pytest

from rupost_core.components.dovecot import _at_setting
from rupost_core.components.dovecot_effective import Setting
from rupost_core.components.dovecot_parts import part_problems
from rupost_core.components.model import Problem, StagedView
from rupost_core.components.nginx import Nginx, _at_path
from rupost_core.components.postfix import Postfix


@pytest.fixture
def view(tmp_path):
    staged = tmp_path / "staged"
    for component in ("dovecot", "nginx", "postfix"):
        (staged / component).mkdir(parents=True)
    return StagedView(staged, tmp_path / "live")


def write(view, file, text):
    (view.staged / file).write_text(text)


def test_a_nul_that_doveconf_goes_past_is_a_problem_and_no_traceback(view):
    write(view, "dovecot/dovecot.conf", "protocols = imap\nlisten = \0*\n")
    (problem,) = part_problems(view, [])
    assert (problem.file, problem.line) == ("dovecot/dovecot.conf", 2)


@pytest.mark.parametrize(
    ("sections", "name", "value"),
    [((), "base_dir", "/no/such/run"), (("plugin",), "quota_vsizes", "yse")],
)
def test_what_doveconf_takes_for_good(view, sections, name, value):
    write(view, "dovecot/dovecot.conf", f"protocols = imap\n{name} = {value}\n")
    assert [problem.line for problem in part_problems(view, [Setting(sections, name, value)])] == [2]


def test_a_protocol_that_nobody_knows_is_found_where_it_is_set_last(view):
    write(view, "dovecot/dovecot.conf", "protocols = imap\nlisten = *\nprotocols = imap seive\n")
    told = Problem("dovecot", "dovecot/dovecot.conf", None, "protocols: Unknown protocol: seive")
    assert _at_setting(view, told).line == 3


def test_a_certificate_with_a_quote_too_many_is_found_where_it_is_named(view):
    write(view, "nginx/http.conf", 'ssl_certificate "/live/mail.crt";\n')
    write(view, "nginx/stream.conf", 'stream {\nssl_certificate /live/mail.crt";\n')
    told = Problem("nginx", "nginx/nginx.conf", None, 'cannot load certificate "/live/mail.crt"": no such file')
    found = _at_path(view, told)
    assert (found.file, found.line) == ("nginx/stream.conf", 2)


@pytest.mark.parametrize(("named", "lines"), [('"{}"', []), ("{}", []), ('{}"', [1])])
def test_a_served_file_whose_name_has_a_quote_is_missing(view, named, lines):
    served = view.staged / "served.xml"
    served.touch()
    write(view, "nginx/a.conf", f"location /a {{ alias {named.format(served)}; }}\n")
    assert [problem.line for problem in Nginx()._missing(view)] == lines


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("unable to create missing queue directories", 2),
        ('open "ldap" configuration "/no/such.cf": No such file or directory', 3),
    ],
)
def test_what_postfix_tells_without_the_setting(view, said, line):
    write(view, "postfix/main.cf", "a = b\ndata_directory = /no/such\nsender_canonical_maps = ldap:/no/such.cf\n")
    assert Postfix()._problem(view, said).line == line


def test_what_postfix_opens_only_when_it_connects(view, tmp_path):
    settings = {
        "smtp_tls_CApath": "/no/folder",
        "lmtp_tls_CApath": str(tmp_path),
        "smtpd_tls_dh1024_param_file": "/no/file.pem",
    }
    text = "".join(f"{name} = {path}\n" for name, path in settings.items())
    write(view, "postfix/main.cf", text)
    assert [problem.line for problem in Postfix()._opened_late(view, text)] == [1, 3]
