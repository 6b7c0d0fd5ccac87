"""The real daemons read back what the quoting wrote: 150 hostile values in each language."""

import json
from pathlib import Path

import pytest

from tests.unit.hostile import ATOMS, values

SCRIPT = Path(__file__).with_name("read_back.py")
SEED, COUNT = 77, 150
# At least so many of them must be writable in the language, or nothing would have been proven.
LEAST = {"postfix": 60, "texthash": 60, "dovecot": 70, "sogo": 70, "nginx": 50, "haproxy": 70,
         "pgsql_map": 20, "dovecot_sql": 20}  # fmt: skip


@pytest.fixture(scope="module")
def hostile():
    # A value of 10 kB is longer than what some of the programs print on one line: those are tests/unit's.
    some = [value for value in values(SEED, COUNT) if len(value) < 1000]
    return list(dict.fromkeys([*some, *ATOMS]))[:COUNT]


@pytest.mark.parametrize("language", LEAST)
def test_the_daemon_reads_the_value_back(node, tmp_path, hostile, language):
    given = tmp_path / "values.json"
    given.write_text(json.dumps({"values": hostile}))
    node.put(given, "/root/values.json")
    node.put(SCRIPT, "/root/read_back.py")
    command = f"/usr/lib/rupost/venv/bin/python3 /root/read_back.py {language} < /root/values.json"
    done = node.run("sh", "-c", command, timeout=300)
    read = {int(index): value for index, value in json.loads(done.stdout)[language].items()}
    wrong = {hostile[index]: value for index, value in read.items() if value != hostile[index]}
    assert wrong == {}
    assert len(read) >= LEAST[language]
