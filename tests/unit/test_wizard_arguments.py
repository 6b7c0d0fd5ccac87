"""The command line of manual 2.11.1, and what becomes of it: without a database."""

from __future__ import annotations

import pytest

from rupost_core.errors import InputError
from rupost_core.secret import Secret
from rupost_core.settings import DatabaseSettings, Settings
from wizard import choices
from wizard.arguments import PASSWORD_VARIABLE, parse

MANUAL = (
    "--silent --db-host 127.0.0.1 --db-port 5432 --db-user rupost --db-password rupost --db-name rupost "
    "--data-db-name rupost_data --logs-db-name rupost_logs"
)
FORMER = Settings(
    DatabaseSettings((("db1", 5433), ("db2", 5432)), "mail", Secret("old"), "a", "b", "c"), "node7", "10.0.0.7"
)


def database(*words: str, former: DatabaseSettings | None = None) -> DatabaseSettings:
    return choices.database(parse(["--silent", "--db-password", "p", *words], {}), former)


def test_the_manuals_example() -> None:
    said = parse(MANUAL.split(), {})
    chosen = choices.database(said, None)
    assert said.silent and said.services and not said.as_json and said.password_on_command_line
    assert chosen == DatabaseSettings((("127.0.0.1", 5432),), "rupost", Secret("rupost"))


@pytest.mark.parametrize(
    "words",
    [
        "-s -h db -p 6000 -n a -d b -l c -u r --db-password x",
        "-s -hdb -p6000 -na -db -lc -ur --db-password=x",
        "--silent --db-host=db --db-port=6000 --db-name=a --data-db-name=b --logs-db-name=c --db-user=r "
        "--db-password=x",
    ],
)
def test_every_spelling(words: str) -> None:
    chosen = choices.database(parse(words.split(), {}), None)
    assert chosen == DatabaseSettings((("db", 6000),), "r", Secret("x"), "a", "b", "c")


def test_defaults_are_the_manuals() -> None:
    assert choices.database(parse(["-s"], {PASSWORD_VARIABLE: "x"}), None) == DatabaseSettings(
        (("127.0.0.1", 5432),), "rupost", Secret("x"), "rupost", "rupost_data", "rupost_logs"
    )


def test_several_hosts_each_with_its_port() -> None:
    chosen = database("-h", "db1:5433, db2,[2001:db8::1]:5444,2001:db8::2", "-p", "6000")
    assert chosen.hosts == (("db1", 5433), ("db2", 6000), ("2001:db8::1", 5444), ("2001:db8::2", 6000))


def test_the_flag_wins_over_the_variable() -> None:
    said = parse(["-s", "--db-password", "flag"], {PASSWORD_VARIABLE: "variable"})
    assert said.password == Secret("flag") and said.password_on_command_line
    said = parse(["-s"], {PASSWORD_VARIABLE: "variable"})
    assert said.password == Secret("variable") and not said.password_on_command_line


@pytest.mark.parametrize("environment", [{}, {PASSWORD_VARIABLE: ""}])
def test_no_password_names_both_ways_to_give_it(environment: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        choices.database(parse(["--silent"], environment), None)
    assert PASSWORD_VARIABLE in caught.value.hint and "--db-password" in caught.value.hint


def test_what_is_not_said_stays_as_it_was() -> None:
    """Otherwise an upgrade run without flags would move a node to an empty local database."""
    assert choices.database(parse(["-s"], {}), FORMER.database) == FORMER.database
    changed = choices.database(parse(["-s"], {PASSWORD_VARIABLE: "new"}), FORMER.database)
    assert changed.hosts == FORMER.database.hosts and changed.password == Secret("new")
    assert database("-p", "6000", former=FORMER.database).hosts == (("db1", 6000), ("db2", 6000))
    assert choices.node(parse(["-s"], {}), FORMER, "short", "192.0.2.1") == ("node7", "10.0.0.7")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["--db-hots", "x"], "--db-host"),
        (["--dbpassword=secret-text"], "--db-password"),
        (["––help"], "--help"),
        (["—silent"], "--silent"),
    ],
)
def test_an_unknown_flag_is_answered_with_the_nearest(words: list[str], near: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(["-s", *words], {})
    assert near in caught.value.hint
    assert "secret-text" not in caught.value.message + caught.value.hint


def test_a_stray_word_is_not_repeated() -> None:
    """It may be the second half of a password that was not quoted."""
    with pytest.raises(InputError) as caught:
        parse(["-s", "--db-password", "half", "secret-half"], {})
    assert "secret-half" not in str(caught.value.as_data())


def test_a_flag_is_not_abbreviated() -> None:
    with pytest.raises(InputError):
        parse(["-s", "--db-p", "1"], {})


@pytest.mark.parametrize("words", [["-h"], ["--db-password"], ["--db-password", "-dash"], ["-p", "--silent"]])
def test_a_flag_without_its_value(words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse(["-s", *words], {})
    assert words[0].lstrip("-").split("-")[0] in caught.value.message or "db" in caught.value.message


def test_a_value_that_begins_with_a_dash() -> None:
    assert parse(["--db-password=-dash"], {}).password == Secret("-dash")


@pytest.mark.parametrize(
    "words",
    [
        ["-p", "0"],
        ["-p", "65536"],
        ["-p", "x"],
        ["-p", "٣"],
        ["-h", "a,,b"],
        ["-h", "a:b"],
        ["-h", "a:99999"],
        ["-h", "a b"],
        ["-n", "n" * 64],
        ["-u", "ы" * 32],
        ["-n", "rupost_logs"],
        ["-n", "a\nb"],
    ],
)
def test_what_cannot_be_right(words: list[str]) -> None:
    with pytest.raises(InputError):
        database(*words)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(InputError, match="db-password"):
        parse(["-s"], {PASSWORD_VARIABLE: "\udcff"})


@pytest.mark.parametrize(
    ("flags", "found", "expected"),
    [
        ([], "192.0.2.5", ("node1", "192.0.2.5")),
        ([], "", ("node1", "127.0.0.1")),
        (["--node-address", "127.0.0.1"], "", ("node1", "127.0.0.1")),
        (
            ["--node-address", "10.1.2.3", "--node-name", "mail01.demo.local"],
            "192.0.2.5",
            ("mail01.demo.local", "10.1.2.3"),
        ),
        (["--node-address", "2001:DB8::1"], "192.0.2.5", ("node1", "2001:db8::1")),
    ],
)
def test_the_node(flags: list[str], found: str, expected: tuple[str, str]) -> None:
    assert choices.node(parse(flags, {}), None, "node1", found) == expected


@pytest.mark.parametrize(
    "flags",
    [
        ["--node-address", "127.0.0.1"],
        ["--node-address", "0.0.0.0"],
        ["--node-address", "224.0.0.1"],
        ["--node-address", "node1"],
        ["--node-name", "under_score"],
        ["--node-name", "-dash"],
        ["--node-name", "a..b"],
        ["--node-name", "узел"],
    ],
)
def test_a_node_that_others_cannot_reach(flags: list[str]) -> None:
    with pytest.raises(InputError):
        choices.node(parse(flags, {}), None, "node1", "192.0.2.5")


def test_a_loopback_address_does_not_stay_when_there_is_a_better_one() -> None:
    former = Settings(FORMER.database, "node7", "127.0.0.1")
    assert choices.node(parse([], {}), former, "short", "192.0.2.9") == ("node7", "192.0.2.9")
