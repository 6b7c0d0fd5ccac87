"""All the faults, in an order cast by a seed in which every kind comes early."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from rupost_core.configuration.library import Template
from rupost_core.configuration.model import Surroundings
from rupost_core.configuration.parameters import resolve
from rupost_core.configuration.render import render
from tests.broken.left_out import needed_line_faults, turned_faults
from tests.broken.model import Broken
from tests.broken.own_texts import own_text_faults
from tests.broken.statements import statement_faults
from tests.broken.tls_files import CERTIFICATE, KEY, directory_faults, tls_faults
from tests.broken.typed import typed_faults
from tests.broken.whole_files import whole_file_faults


def mutations(template: Template, base: dict[str, Any], surroundings: Surroundings, seed: int) -> Iterator[Broken]:
    """Every broken configuration that there is to make of this sound one (`base` are its parameters)."""
    dice = random.Random(seed)
    files = render(template, resolve(template.spec, base), surroundings)
    contents = {file.path: file.content for file in files}
    made: list[Broken] = [*typed_faults(template.spec, base), *own_text_faults(base)]
    for file in files:
        made += statement_faults(file)
        made += needed_line_faults(file)
        made += turned_faults(file)
        made += whole_file_faults(file, files, dice)
    now = datetime.now(UTC)
    made += tls_faults(str(base["mail_host"]), now, contents[CERTIFICATE], contents[KEY])
    made += directory_faults([path for path in contents if path.startswith("tls/directory-")], now)
    yield from _mixed(_differing(made, contents), dice)


def _differing(made: Iterable[Broken], contents: dict[str, str]) -> Iterator[Broken]:
    """Without those that change nothing, and without the second of two that are the same."""
    seen: set[object] = set()
    for broken in made:
        key = (broken.edits, repr(sorted(broken.settings.items())))
        nothing = broken.edits and all(
            edit.content == contents[edit.path] and edit.mode is None for edit in broken.edits
        )
        if key not in seen and not nothing:
            seen.add(key)
            yield broken


def _mixed(made: Iterable[Broken], dice: random.Random) -> Iterator[Broken]:
    """One of each kind and file in turn, so that a sample of any size holds as many kinds as it can."""
    piles: dict[tuple[str, ...], list[Broken]] = defaultdict(list)
    for broken in made:
        file = broken.edits[0].path if broken.edits else broken.parameter
        piles[broken.way, file].append(broken)
    for pile in piles.values():
        dice.shuffle(pile)
    order = sorted(piles)
    dice.shuffle(order)
    while order:
        for key in order:
            yield piles[key].pop()
        order = [key for key in order if piles[key]]
