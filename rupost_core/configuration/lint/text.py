"""Characters that no configuration file holds on purpose: each daemon reads them in its own way, or stops there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rupost_core.configuration.lint.model import Finding, HostFacts, error
from rupost_core.configuration.lint.system import System
from rupost_core.i18n import translate as _

# A carriage return before a line end is white space to all of them; alone it is a line end to none.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")


def findings(system: System, facts: HostFacts) -> Iterator[Finding]:
    del facts
    for path, file in system.files.items():
        match = _CONTROL.search(file.content)
        if match:
            line = file.content.count("\n", 0, match.start()) + 1
            reason = _("control character U+{code:04X}", code=ord(match[0][0]))
            yield error("control_character", file.component, path, line, reason)
