"""What one quoting function writes, its language reads back; whatever else was in the file stays what it was."""

import re
import shlex
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupost_core.configuration import quoting

# Any text without control characters and lone surrogates: what a directory or an administrator may put into a value.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)
CONTROL = st.characters(categories=("Cc",))
ALL = [f for name, f in quoting.FILTERS.items() if name not in ("lines", "pem", "word")]


@given(TEXT, CONTROL, TEXT)
def test_control_characters_are_refused_by_every_language(before, control, after):
    for function in ALL:
        with pytest.raises(ValueError, match="."):
            function(before + control + after)
    with pytest.raises(ValueError, match="."):
        quoting.word(before + control + after)


@given(TEXT)
def test_no_quoted_value_spans_lines(text):
    for function in ALL:
        try:
            written = function(text)
        except ValueError:
            continue
        assert "\n" not in written and "\r" not in written


@given(TEXT)
def test_backslash_languages_read_back_what_was_written(text):
    for function in (quoting.dovecot, quoting.plist):
        written = function(text)
        assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', written, re.DOTALL)
        assert re.sub(r"\\(.)", r"\1", written[1:-1], flags=re.DOTALL) == text


@given(TEXT)
def test_haproxy_reads_back_what_a_shell_would(text):
    # HAProxy's double quotes follow the shell's: backslash protects `"`, `\` and `$`.
    assert shlex.split(quoting.haproxy(text).replace("\\$", "$")) == [text]


@given(TEXT)
def test_nginx_refuses_the_dollar_that_it_cannot_carry(text):
    if "$" in text:
        with pytest.raises(ValueError, match=r"\$"):
            quoting.nginx(text)
    else:
        assert re.sub(r"\\(.)", r"\1", quoting.nginx(text)[1:-1], flags=re.DOTALL) == text


@given(TEXT)
def test_postfix_macros_stay_text(text):
    try:
        written = quoting.postfix(text)
    except ValueError:
        assert text != text.strip()
        return
    assert written.replace("$$", "").count("$") == 0
    assert written.replace("$$", "$") == text


@given(TEXT)
def test_sql_and_libpq_literals_end_where_they_should(text):
    assert re.fullmatch(r"'(?:[^']|'')*'", quoting.sql(text), re.DOTALL)
    assert quoting.sql(text)[1:-1].replace("''", "'") == text
    written = quoting.conninfo(text)
    assert re.fullmatch(r"'(?:[^'\\]|\\.)*'", written, re.DOTALL)
    assert re.sub(r"\\(.)", r"\1", written[1:-1], flags=re.DOTALL) == text


@given(TEXT)
def test_url_and_xml_are_read_back_by_the_standard_library(text):
    assert unquote(quoting.url(text)) == text
    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", quoting.url(text))
    if all(ord(c) not in (0xFFFE, 0xFFFF) for c in text):  # not characters of XML 1.0
        root = ElementTree.fromstring(f'<a b="{quoting.xml(text)}">{quoting.xml(text)}</a>')
        assert (root.text or "") == text


def test_libpq_itself_reads_a_connection_string_back():
    from psycopg2.extensions import parse_dsn

    password = 'a\'b\\c "d" $e %f #g Пароль'
    assert parse_dsn(f"host={quoting.conninfo('db')} password={quoting.conninfo(password)}")["password"] == password
