"""Values for parameters: what is accepted, what is refused and how the refusal reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupost_core.configuration import parameters
from rupost_core.configuration.library import builtin_templates
from rupost_core.configuration.schema import Bilingual, Parameter
from rupost_core.errors import InputError
from rupost_core.quantity import parse_size
from rupost_core.secret import Secret

SPEC = builtin_templates()[0].spec
TITLE = Bilingual(ru="Имя", en="Name")


def parameter(kind, **more):
    return Parameter(type=kind, title=TITLE, **more)


def test_defaults_fill_what_is_not_given():
    values = parameters.resolve(SPEC, {"mail_host": "Mail.Example.RU"})
    assert values["mail_host"] == "mail.example.ru"
    assert values["message_size_limit"] == 50 * 2**20
    assert values["client_affinity"] == 1800
    assert values["relay_host"] is None
    assert values["trusted_networks"] == ()


def test_every_problem_is_reported_at_once_with_the_nearest_name():
    with pytest.raises(InputError) as caught:
        parameters.resolve(
            SPEC,
            {"mail_hots": "x", "message_size_limit": "50X", "tls_minimum": "TLSv1.1", "time_zone": "Europe/Moskow"},
        )
    said = "\n".join([caught.value.message, *caught.value.details])
    assert "mail_hots" in said and "mail_host" in said
    assert "50X" in said
    assert "TLSv1.2" in said
    assert "Europe/Moscow" in said
    assert len(caught.value.details) == 4  # the missing mail_host is the fifth problem


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("boolean", "да", True),
        ("boolean", "off", False),
        ("integer", "42", 42),
        ("size", "2G", 2 * 2**30),
        ("duration", "2h", 7200),
        ("endpoint", "Relay.example.ru:0025", "relay.example.ru:25"),
        ("endpoint", "10.0.0.1:587", "10.0.0.1:587"),
        ("network", "10.1.0.0/16", "10.1.0.0/16"),
        ("path", "/srv/mail", "/srv/mail"),
        ("hostname", "почта", ValueError),
        ("hostname", "localhost", ValueError),
        ("hostname", "a." * 130 + "ru", ValueError),
        ("boolean", "maybe", ValueError),
        ("integer", "1.5", ValueError),
        ("integer", True, ValueError),
        ("size", "-1", ValueError),
        ("size", "1G1", ValueError),
        ("duration", "1w", ValueError),
        ("endpoint", "relay", ValueError),
        ("endpoint", "relay:70000", ValueError),
        ("endpoint", "re lay:25", ValueError),
        ("network", "10.1.0.1/16", ValueError),
        ("network", "::/0", ValueError),
        ("path", "srv/mail", ValueError),
        ("path", "/srv/../etc", ValueError),
        ("path", "/srv/$HOME", ValueError),
        ("string", "two\nlines", ValueError),
        ("string", "\x1b[2J", ValueError),
        ("text", "a\x00b", ValueError),
    ],
)
def test_reading_one_value(kind, raw, value):
    if value is ValueError:
        with pytest.raises(ValueError, match="."):
            parameters.read(parameter(kind), raw)
    else:
        assert parameters.read(parameter(kind), raw) == value


def test_limits_are_part_of_the_type():
    limited = parameter("size", minimum="1M", maximum="1G")
    assert parameters.read(limited, "1G") == 2**30
    for raw in ("1023K", "1025M"):
        with pytest.raises(ValueError, match="1M|1G"):
            parameters.read(limited, raw)


def test_a_secret_is_kept_but_never_shown():
    value = parameters.read(parameter("secret"), 'p"$s')
    assert isinstance(value, Secret)
    assert 'p"$s' not in f"{value} {value!r} {parameters.shown(parameter('secret'), value)}"
    assert parameters.as_data({"x": value}) == {"x": 'p"$s'}


def test_a_parameter_applies_only_under_its_condition():
    password = SPEC.parameters["relay_password"]
    assert not parameters.applies(password, {"relay_user": None})
    assert parameters.applies(password, {"relay_user": "me"})


@given(st.integers(min_value=0, max_value=10**12))
def test_sizes_survive_writing_and_reading(number):
    assert parse_size(str(number)) == number


@given(st.text(max_size=60))
def test_no_text_makes_a_reader_fail_otherwise_than_by_value_error(text):
    for kind in (
        "boolean",
        "integer",
        "size",
        "duration",
        "endpoint",
        "network",
        "path",
        "hostname",
        "string",
        "text",
    ):
        try:
            parameters.read(parameter(kind, required=False), text)
        except ValueError as error:
            assert str(error)


def test_values_of_another_version_of_the_template_are_read_as_far_as_possible():
    stored = {"mail_host": "mail.a.ru", "message_size_limit": "nonsense", "was_dropped": 1, "client_affinity": 3600}
    values = parameters.readable(SPEC, stored)
    assert values["mail_host"] == "mail.a.ru"
    assert values["client_affinity"] == 3600
    assert "message_size_limit" not in values and "was_dropped" not in values
    assert values["tls_minimum"] == "TLSv1.2"


@given(st.sampled_from(["size", "duration"]), st.integers(min_value=0, max_value=10**8))
def test_what_is_shown_of_a_quantity_is_read_back(kind, number):
    quantity = parameter(kind)
    assert parameters.read(quantity, parameters.shown(quantity, number)) == number
