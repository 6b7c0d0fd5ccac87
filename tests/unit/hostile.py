"""Hostile values, made from a seed: what each configuration language treats as special, and combinations of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

ATOMS = (
    '"', "'", '`', '\\', '$', '$$', '${', '${x}', '$(x)', '$mail_plugins', '<', '</a>', '<![CDATA[', ']]>',
    '&', '&amp;', '%', '%u', '%%', '%{user}', '%s', ';', '{', '}', '{}', '(', ')', '()', '[', ']', '#', ' #',
    '# ', '/*', '*/', '//', '--', '=', ',', ':', '@', '*', '?', '!', '|', '~', '^', '\n', '\r', '\r\n', '\t',
    '\x00', '\x0b', '\x0c', '\x1b[0m', '\x7f', '\x85', '\xa0', '\u2028', '\u2029', '\u202e', '\u2066',
    '\u200b', '\ufeff', '\ufffe', '\uffff', '\ud800', '\udfff', '\U0001f600', '\u0435\u0301', '\u0416', '\xff',
    ' ', '  ', ' host=evil', ' hostaddr=10.6.6.6 ', ' maxconns=1', 'password=x',
    '-o smtpd_relay_restrictions=permit', '\nmynetworks = 0.0.0.0/0', '\n}\n', '\npassdb {\n}',
    '!include /etc/passwd', 'include /etc/passwd;', 'return 200;', '";', "';", '"; }', "' OR '1'='1",
    "'; DROP TABLE x; --", '\\n', '\\x41', '\\U0041', '\\101', '\\\\', '\\"', "\\'", '\\$', '{{ 7*7 }}',
    '{% raw %}', '{# x #}', '<<EOF', 'a', 'Z9', 'word', 'yes', '../', '/etc/passwd', '../../x', '0', '-1',
    'static:OK', 'unix:/x', ')(cn=*', '*)(uid=*', 'dc=x,dc=y', 'CN=a\\,b',
)  # fmt: skip
_LONG = 10_000


def values(seed: int, count: int) -> Iterator[str]:
    """`count` values: each atom alone and with blanks around it first, then random combinations, some of 10 kB."""
    chance = random.Random(seed)
    for _number in range(count):
        kind = chance.random()
        if kind < 0.15:
            yield chance.choice(ATOMS)
        elif kind < 0.2:
            yield " " + chance.choice(ATOMS) + " "
        elif kind < 0.22:
            atom = chance.choice(ATOMS)
            yield (atom * (_LONG // len(atom) + 1))[:_LONG]
        elif kind < 0.6:
            yield "".join(chance.choice(ATOMS) for _ in range(chance.randint(2, 8)))
        elif kind < 0.8:
            # Without what every language refuses, so that more values get through to be compared.
            yield "x" + "".join(a for a in chance.choices(ATOMS, k=6) if a.isprintable()) + "y"
        else:
            yield "".join(
                chr(chance.choice((chance.randint(32, 126), chance.randint(160, 0x2FFF)))) for _ in range(12)
            )
