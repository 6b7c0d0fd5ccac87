"""Slips of the finger: one letter of a word, so that it is no other known word."""

from __future__ import annotations

from collections.abc import Container, Iterator


def misspelt(word: str, known: Container[str], count: int = 1, at: int = 1) -> Iterator[str]:
    """Up to `count` wrong spellings: letters exchanged, one left out, one doubled; begun at the letter `at`."""
    found = 0
    for position in range(max(1, at), len(word) - 1):
        for wrong in (
            word[:position] + word[position + 1] + word[position] + word[position + 2 :],
            word[:position] + word[position + 1 :],
            word[:position] + word[position] + word[position:],
        ):
            if wrong != word and wrong not in known and found < count:
                found += 1
                yield wrong
                break
