"""The confined child of confinement.py: one question on standard input, one answer on standard output, both JSON.

Whatever it says is a finding about the template; an exit code other than 0 is a fault of the confinement, except 70,
which is out of memory.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_OUT_OF_MEMORY = 70


def main() -> int:
    try:
        answer = json.dumps(_answer(json.loads(sys.stdin.buffer.read())))
        sys.stdout.write(answer)
        sys.stdout.flush()
    except MemoryError:
        return _OUT_OF_MEMORY
    return 0


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    # Before the first import that asks for a text in the process's language.
    os.environ["RUPOST_LANGUAGE"] = question["language"]
    from rupost_core.configuration import wire
    from rupost_core.configuration.findings import Finding, in_order
    from rupost_core.configuration.render import render_what_can_be

    template = wire.read_template(question["template"])
    findings: list[Finding] = []
    unused: list[str] = []
    if question["task"] == "examine":
        from rupost_core.configuration.sources import examine

        report = examine(template)
        findings, unused = report.findings, report.unused_parameters
    places = {(one.file, one.line) for one in findings}
    files = []
    for case in question["cases"]:
        values, surroundings = wire.read_values(case["values"]), wire.read_surroundings(case["surroundings"])
        rendered, problems = render_what_can_be(template, values, surroundings)
        # What is known already would only be said twice, in other words.
        findings += [one for one in problems if (one.file, one.line) not in places]
        files.append([wire.write_file(file) for file in rendered])
    return {"findings": [vars(one) for one in in_order(findings)], "unused": unused, "files": files}


if __name__ == "__main__":
    # Without the interpreter's own end, which may want memory that is not there.
    os._exit(main())
