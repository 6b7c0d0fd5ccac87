"""Merging an edit with what the template gives now: kept whole, or refused; never half, never lost."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupost_core.configuration.merge import lines_of, marker_line, merge
from rupost_core.configuration.override import Override, apply, check_path, check_text, examine, readopt
from rupost_core.errors import InputError, OverrideConflict
from tests.golden.samples import rendered

BASE = "a\nb\nc\nd\ne\n"
MAIN = "postfix/main.cf"


@pytest.mark.parametrize(
    ("theirs", "yours", "merged"),
    [
        (BASE, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n"),
        ("a\nb\nc\nD\ne\n", "a\nB\nc\nd\ne\n", "a\nB\nc\nD\ne\n"),
        ("a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n"),
        ("a\nc\nd\ne\n", "a\nb\nc\nd\ne\nf\n", "a\nc\nd\ne\nf\n"),
        ("0\na\nb\nc\nd\ne\n", "a\nb\nc\nd\n", "0\na\nb\nc\nd\n"),
        ("a\nX\nc\nd\ne\n", "a\nb\nY\nd\ne\n", "a\nX\nY\nd\ne\n"),
        ("", "", ""),
        (BASE, "", ""),
        ("a\nb\nc\nd\ne\nf", "x\na\nb\nc\nd\ne\n", "x\na\nb\nc\nd\ne\nf"),
    ],
)
def test_changes_in_different_places_come_together(theirs, yours, merged):
    assert merge(BASE, theirs, yours).text == merged


@pytest.mark.parametrize(
    ("theirs", "yours", "line"),
    [
        ("a\nX\nc\nd\ne\n", "a\nY\nc\nd\ne\n", 2),
        ("a\nc\nd\ne\n", "a\nY\nc\nd\ne\n", 2),
        ("a\nX\nc\nd\ne\n", "a\nc\nd\ne\n", 2),
        ("0\na\nX\nc\nd\ne\n", "a\nY\nc\nd\ne\n", 3),
        (BASE + "x\n", BASE + "y\n", 6),
        # Beside each other, and not line for line: nobody can say what belongs to what.
        ("a\nX\nc\nd\ne\n", "a\nb\nd\ne\n", 2),
        ("a\nX\nx\nc\nd\ne\n", "a\nb\nY\nd\ne\n", 2),
        # Line for line, of which the second is the same.
        ("a\nX\nY\nd\ne\n", "a\nb\nZ\nd\ne\n", 3),
        ("X\n", "", 1),
    ],
)
def test_changes_in_the_same_place_are_refused(theirs, yours, line):
    found = merge(BASE, theirs, yours)
    assert found.text is None
    assert [region.line for region in found.conflicts] == [line]


def test_a_conflict_is_marked_for_the_editor_and_a_left_marker_is_found():
    text = merge(BASE, "a\nX\nc\nd\ne\n", "a\nY\nc\nd\ne\n").marked("template", "was", "override")
    assert text == ("a\n<<<<<<< override\nY\n||||||| was\nb\n=======\nX\n>>>>>>> template\nc\nd\ne\n")
    assert marker_line(text) == 2
    assert marker_line(BASE) is None


@pytest.mark.parametrize("text", ["", "a", "a\n", "\n", "a\r\nb\x0bc\u2028d\n\n", "a\n\nb"])
def test_lines_give_the_text_back(text):
    assert "".join(lines_of(text)) == text


LINES = [f"line {number}" for number in range(12)]


@st.composite
def edited(draw, label):
    """The twelve different lines with some deleted, changed, or with new ones between them."""
    result = []
    for index, line in enumerate(LINES):
        what = draw(st.sampled_from(["keep"] * 7 + ["delete", "change", "insert"]))
        if what == "insert":
            result.append(f"{label} before {index}")
        if what != "delete":
            result.append(f"{label} {index}" if what == "change" else line)
    return "".join(f"{line}\n" for line in result)


@given(edited("theirs"), edited("yours"))
def test_a_merge_keeps_every_change_of_both_sides_or_is_refused(theirs, yours):
    base = "".join(f"{line}\n" for line in LINES)
    found = merge(base, theirs, yours)
    if found.text is None:
        assert theirs != base and yours != base
        return
    merged = Counter(lines_of(found.text))
    for side in (theirs, yours):
        added = Counter(lines_of(side)) - Counter(lines_of(base))
        removed = Counter(lines_of(base)) - Counter(lines_of(side))
        assert added - merged == Counter()
        assert set(removed) & set(merged) == set()


@given(st.text("ab\n\r", max_size=40), st.text("ab\n\r", max_size=40))
def test_a_merge_with_only_one_side_changed_is_that_side(base, other):
    assert merge(base, base, other).text == other
    assert merge(base, other, base).text == other
    assert merge(base, other, other).text == other


def override(text, base=None, path=MAIN, **more):
    content = {file.path: file for file in rendered("plain")}
    return Override(path, content[path].content if base is None else base, text, False, "admin", "why", **more)


def main_cf(name="plain"):
    return next(file for file in rendered(name) if file.path == MAIN)


@given(st.data())
def test_an_adopted_edit_meets_another_rendering_whole_or_not_at_all(data):
    """Any edit of a real main.cf, then the template rendered with quite other parameters and surroundings."""
    lines = list(lines_of(main_cf().content))
    fresh = []
    for number in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = f"hand_{number} = {number}\n"
        what = data.draw(st.sampled_from(["change", "insert", "delete"]))
        if what == "delete":
            del lines[at]
            continue
        lines[at : at + (what == "change")] = [line]
        fresh.append(line)
    wanted = override("".join(lines))
    target = main_cf("full")
    try:
        (done,), (use,) = apply([target], [wanted])
    except OverrideConflict as error:
        assert f"{MAIN}, line " in error.message
        assert examine(wanted, target).state == "conflict"
        return
    kept = set(lines_of(done.content))
    assert {line for line in fresh if line in lines} <= kept
    assert use.state in ("applied", "needless")
    assert replace(done, content="") == replace(target, content="")


def test_an_override_outlives_a_new_rendering():
    text = main_cf().content.replace("mailbox_size_limit = 0\n", "mailbox_size_limit = 7\n")
    files, (use,) = apply(rendered("full"), [override(text)])
    done = next(file for file in files if file.path == MAIN)
    assert done.content == main_cf("full").content.replace("mailbox_size_limit = 0\n", "mailbox_size_limit = 7\n")
    assert (use.state, use.added_lines, use.removed_lines) == ("applied", 1, 1)


def test_a_conflict_names_the_override_the_line_and_both_sides():
    text = main_cf().content.replace("message_size_limit = 52428800", "message_size_limit = 1")
    with pytest.raises(OverrideConflict) as caught:
        apply(rendered("full"), [override(text)])
    error = caught.value
    line = main_cf("full").lines.index("message_size_limit = 104857600") + 1
    assert f"{MAIN}, line {line}" in error.message and "admin: why" in error.message
    assert error.details == [
        "was: message_size_limit = 52428800",
        "override: message_size_limit = 1",
        "template: message_size_limit = 104857600",
    ]
    assert error.exit_code == 44


def test_a_conflict_of_a_secret_file_shows_no_line():
    wanted = replace(override("x = SECRET\n", base="x = y\n"), secret=True)
    with pytest.raises(OverrideConflict) as caught:
        apply([replace(main_cf(), content="x = z\n")], [wanted])
    assert "SECRET" not in str(caught.value.as_data())


def test_a_file_that_the_template_no_longer_gives_refuses_and_names_the_override():
    with pytest.raises(OverrideConflict, match="postfix/main.cf"):
        apply([file for file in rendered("plain") if file.path != MAIN], [override("x\n")])
    assert examine(override("x\n"), None).state == "no_file"


def test_what_the_template_gives_by_itself_is_needless_and_said_to_be():
    target = main_cf("full")
    assert examine(override(target.content), target).state == "needless"
    text = main_cf().content.replace("message_size_limit = 52428800", "message_size_limit = 104857600")
    assert examine(override(text), target).state == "needless"


def test_adopting_again_takes_what_came_between():
    assert readopt("a\nb\nc\n", "a\nB\nc\n", "a\nb\nc\nd\n", MAIN) == "a\nB\nc\nd\n"
    with pytest.raises(OverrideConflict, match=f"{MAIN}, line 2"):
        readopt("a\nb\nc\n", "a\nB\nc\n", "a\nX\nc\n", MAIN)


def test_what_can_be_no_override():
    with pytest.raises(InputError, match="certificates"):
        check_path("tls/mail.key")
    check_path(MAIN)
    for text, reason in (("a\n<<<<<<< override\n", "line 2"), ("a\0", "NUL"), ("a" * 2**23, "4 MiB")):
        with pytest.raises(InputError, match=reason):
            check_text(MAIN, text)
