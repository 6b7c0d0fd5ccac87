"""Patterns of parameters: they match as Python does, in time that grows with the value's length only."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupost_core.configuration.patterns import MAX_VALUE, Pattern

ATOMS = st.sampled_from(
    ["a", "b", ".", r"\d", r"\w", r"\s", r"\S", "[ab]", "[^a]", "[a-c0]", r"[^\s:]", r"[\d-]", "я", r"\."]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "+?"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
        inner.map(lambda one: f"^{one}$"),
        inner.map(lambda one: rf"\A{one}\Z"),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text("abc01я:. -\n", max_size=8))
def test_it_matches_what_python_matches(pattern, value):
    try:
        ours = Pattern(pattern)
    except ValueError as refused:
        assert "too large" in str(refused) or "characters" in str(refused)
        return
    assert ours.matches(value) == (re.fullmatch(pattern, value) is not None)


@given(PATTERNS)
def test_the_example_has_the_pattern_s_form(pattern):
    example = Pattern(pattern).example()
    assert example is None or re.fullmatch(pattern, example)


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+b", ".*.*.*.*.*x", "(a?){30}a{30}b", "((a*)*)*b", "([a-z]+)*[0-9]"]
)
def test_what_makes_a_backtracking_matcher_hang_takes_a_moment(pattern):
    compiled = Pattern(pattern)
    started = time.process_time()
    assert not compiled.matches("a" * MAX_VALUE)
    assert time.process_time() - started < 3


def test_a_longer_value_is_never_matched():
    assert Pattern("a*").matches("a" * MAX_VALUE)
    assert not Pattern("a*").matches("a" * (MAX_VALUE + 1))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", "not a regular expression"),
        ("a{99999999999}", "not a regular expression"),
        (r"(a)\1", "groupref"),
        ("(?=a)a", "assert"),
        ("(?<!a)b", "assert"),
        (r"\bx", "not allowed"),
        ("(?>a)", "atomic"),
        ("a++", "possessive"),
        ("(?i)a", "flags"),
        ("(?i:a)", "flags"),
        ("((a{50}){50}){50}", "too large"),
        ("a{2000}", "too large"),
        ("a" * 501, "500"),
    ],
)
def test_what_cannot_be_bounded_is_refused(pattern, said):
    with pytest.raises(ValueError, match=said):
        Pattern(pattern)
