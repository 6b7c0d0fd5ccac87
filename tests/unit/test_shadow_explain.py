"""Daemons' last words: which of them matter, and which line of the staged files they speak of."""

import pytest

from rupost_core.configuration.shadow.explain import Line, complaints, is_hopeless, line_of, place_of

LIVE = "/var/lib/rupost/configuration/live"
FILES = {
    "postfix/main.cf": "# mynetworks = x\nmynetworks = 127.0.0.0/8\nsmtpd_sender_restrictions = reject_nonsense\n"
    "virtual_mailbox_maps = pgsql:${config_directory}/maps/gone.cf\n",
    "postfix/maps/mailboxes.cf": "hosts = a\nquery = SELECT home FROM lookup.mailboxx WHERE address = '%s'\n",
    "nginx/stream.conf": "stream {\n proxy_pass 127.0.0.1:2999;\n}\n",
    "dovecot/dovecot.conf": f"passdb {{\n  args = {LIVE}/dovecot/ldap-a.conf\n}}\n",
    "dovecot/ldap-a.conf": "dn = x\n",
}


def line(component, text, severity=-1):
    return Line(component, severity, text)


def test_the_gravest_complaints_are_given_once_and_in_order():
    lines = [
        line("postfix", "warning: hostname x does not resolve to address 1.2.3.4", 4),
        line("postfix", "NOQUEUE: reject: RCPT from unknown: 554 5.7.1 denied", 6),
        line("postfix", "warning: something minor", 4),
        line("postfix", "fatal: bad parameter", 2),
        line("postfix", "warning: process smtpd pid 1 exit status 1", 4),
        line("postfix", "fatal: bad parameter", 2),
        line("dovecot", "Fatal: other", 2),
    ]
    assert complaints(lines, "postfix") == ["fatal: bad parameter"]
    assert complaints(lines[:3], "postfix") == ["warning: something minor"]
    assert complaints(lines[:2], "postfix") == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("2026/11/24 08:00:00 [emerg] 12#12: bind() to 0.0.0.0:80 failed", "bind() to 0.0.0.0:80 failed"),
        ("Nov 24 11:10:03 sogod [29]: [ERROR] <0x0x563adc9b90a0[LDAPSource]> Could not bind", "Could not bind"),
        ("2026/11/24 08:00:00 [error] 31#31: *28 open() \"/x\" failed", "*28 open() \"/x\" failed"),
    ],
)  # fmt: skip
def test_times_and_processes_are_left_out(text, plain):
    assert complaints([line("x", text)], "x") == [plain]


@pytest.mark.parametrize(
    ("component", "said", "place"),
    [
        ("postfix", 'warning: unknown smtpd restriction: "reject_nonsense"', ("postfix/main.cf", 3)),
        ("haproxy", f"Binding [{LIVE}/haproxy/haproxy.cfg:51] for frontend imaps", None),
        ("nginx", f"unknown directive in {LIVE}/nginx/stream.conf:2", ("nginx/stream.conf", 2)),
        ("nginx", "connect() failed, upstream: \"127.0.0.1:2999\"", ("nginx/stream.conf", 2)),
        ("postfix", f"open {LIVE}/postfix/maps/gone.cf: No such file", ("postfix/main.cf", 4)),
        ("postfix", f'{LIVE}/postfix/maps/mailboxes.cf: relation "lookup.mailboxx" does not exist',
         ("postfix/maps/mailboxes.cf", 2)),
        ("dovecot", f"ldap({LIVE}/dovecot/ldap-a.conf): binding failed", ("dovecot/ldap-a.conf", 1)),
        ("postfix", "something without a trace", None),
    ],
)  # fmt: skip
def test_the_place_is_found(component, said, place):
    assert place_of(said, FILES, component, LIVE) == place


def test_a_pattern_finds_the_last_line_that_counts():
    assert line_of(FILES, "postfix", (r"^nothing", r"^mynetworks", r"^virtual")) == ("postfix/main.cf", 2)
    assert line_of(FILES, "sogo", (r".",)) is None


def test_a_master_that_gives_up_is_recognised():
    assert is_hopeless(line("postfix", "warning: /usr/lib/postfix/sbin/smtpd: bad command startup -- throttling", 4))
    assert not is_hopeless(line("nginx", "throttling", 4))
