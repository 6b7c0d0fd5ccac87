"""Mail filters as text: what is read, what is refused and why, and what Postfix is given."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupost_core.configuration import parameters, quoting
from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.milter import ACTIONS, DIRECTIONS, PRODUCTS, PROTOCOLS, parse_milter
from rupost_core.configuration.render import render
from rupost_core.errors import InputError
from tests.golden.samples import SURROUNDINGS

TEMPLATE = builtin_templates()[0]

VALID = st.builds(
    lambda product, socket, options: " ".join([product, socket, *options]),
    st.sampled_from(sorted(PRODUCTS)),
    st.sampled_from(
        ["inet:127.0.0.1:6672", "inet:filter.example.ru:1", "unix:/run/x/y.sock", "local:/x", "inet:8891@localhost"]
    ),
    st.tuples(
        st.sampled_from(ACTIONS).map("down={}".format),
        st.sampled_from(DIRECTIONS).map("mail={}".format),
        st.integers(1, 300).map("connect={}s".format),
        st.integers(1, 5).map("command={}m".format),
        st.integers(1, 600).map("content={}".format),
        st.sampled_from(PROTOCOLS).map("protocol={}".format),
    ).flatmap(lambda options: st.lists(st.sampled_from(options), unique=True)),
)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("rspamd", "rspamd inet:127.0.0.1:11332 down=accept mail=both connect=3s command=3s content=300s protocol=6"),
        ("klms", "klms inet:127.0.0.1:6672 down=tempfail mail=both connect=3s command=30s content=300s protocol=6"),
        ("drweb down=accept", "drweb inet:127.0.0.1:3001 down=accept mail=both connect=3s command=3s content=300s"
                              " protocol=6"),
        ("custom inet:8891@LOCALHOST  content=5m command=1m protocol=4 mail=outgoing down=quarantine",
         "custom inet:localhost:8891 down=quarantine mail=outgoing connect=3s command=60s content=300s protocol=4"),
    ],
)  # fmt: skip
def test_what_is_not_said_comes_from_the_product(text, full):
    assert str(parse_milter(text)) == full


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rspamd"),
        ("rspmd", "rspamd"),
        ("custom", "unix:/path"),
        ("custom down=accept", "unix:/path"),
        ("custom 127.0.0.1:8891", "127.0.0.1:8891"),
        ("custom inet:127.0.0.1", "127.0.0.1"),
        ("custom inet:127.0.0.1:70000", "70000"),
        ("custom inet:127.0.0.1:٨٨", "٨٨"),
        ("custom unix:run/x", "run/x"),
        ("custom unix:/run/../etc/x", "/run/../etc/x"),
        ("custom unix:/run/{x}", "/run/{x}"),
        ("rspamd unix:/x unix:/y", "unix:/y"),
        ("rspamd down=tempfial", "tempfail"),
        ("rspamd down=reject", "down=reject"),
        ("rspamd dwon=accept", "down"),
        ("rspamd down=accept down=tempfail", "down"),
        ("rspamd content=0", "content=0"),
        ("rspamd content=11m", "600"),
        ("rspamd connect=6m", "300"),
        ("rspamd command=", ""),
        ("rspamd protocol=5", "protocol=5"),
        ("rspamd mail=none", "mail=none"),
        ("rspamd }, inet:10.0.0.1:1", "}"),
        ("rspamd\ninet:10.0.0.1:1\x00", "10.0.0.1:1"),
    ],
)
def test_a_mistake_is_refused_by_name(text, said):
    with pytest.raises(ValueError, match=".") as caught:
        parse_milter(text)
    assert said in str(caught.value)


@given(VALID)
def test_the_full_text_is_read_back_unchanged(text):
    milter = parse_milter(text)
    assert parse_milter(str(milter)) == milter


@given(st.one_of(VALID, st.text(max_size=60)))
def test_postfix_gets_one_element_or_nothing(text):
    try:
        written = quoting.postfix_milter(text)
    except ValueError:
        return
    assert re.fullmatch(
        r"\{ (?:inet:[a-z0-9.-]+:\d+|unix:[A-Za-z0-9_./-]+), default_action=[a-z]+, connect_timeout=\d+s,"
        r" command_timeout=\d+s, content_timeout=\d+s, protocol=\d \}",
        written,
    )


def main_cf(**given):
    values = parameters.resolve(TEMPLATE.spec, {"mail_host": "mail.example.ru", **given})
    files = {file.path: file.content for file in render(TEMPLATE, values, SURROUNDINGS)}
    return files["postfix/main.cf"], files["postfix/master.cf"], files["haproxy/haproxy.cfg"]


def test_on_the_command_line_commas_stand_between_filters():
    main, master, _haproxy = main_cf(milters="rspamd mail=incoming, klms")
    incoming, outgoing = re.findall(r"^(?:incoming|outgoing)_milters =\n((?:    .*\n)+)", main, re.MULTILINE)
    assert re.findall(r"inet:\S+:(\d+)", incoming) == ["11332", "6672"]
    assert re.findall(r"inet:\S+:(\d+)", outgoing) == ["6672"]
    assert master.count("-o smtpd_milters=$outgoing_milters") == 2


def test_a_wrong_filter_names_its_parameter():
    with pytest.raises(InputError, match="milters .*klms"):
        parameters.resolve(TEMPLATE.spec, {"mail_host": "mail.example.ru", "milters": "rspamd, klsm"})


def test_without_filters_and_gateways_nothing_is_said_of_them():
    text = "".join(main_cf())
    for word in ("smtpd_milters", "content_filter", "xclient", "2526", "10026"):
        assert word not in text


@pytest.mark.parametrize("relay_host", ["", "10.9.0.5:25"])
def test_a_relay_host_judges_recipients_domains(relay_host):
    assert ("reject_unknown_recipient_domain" in main_cf(relay_host=relay_host)[0]) == (not relay_host)


def test_the_gateways_listener_relays_for_nobody():
    _main, master, haproxy = main_cf(gateway_before="10.9.0.5/32", trusted_networks="10.0.0.0/8")
    listener = master.partition("127.0.0.1:2526 ")[2].partition("\n127.")[0]
    assert "-o mynetworks=\n" in listener and "-o smtpd_relay_restrictions=reject_unauth_destination" in listener
    assert master.count("smtpd_authorized_xclient_hosts") == 1
    assert "use_backend to_smtp_gateway if { src 10.9.0.5/32 }" in haproxy
