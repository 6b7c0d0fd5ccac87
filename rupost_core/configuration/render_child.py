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
    from rupost_core.configuration.findings import Finding
    from rupost_core.configuration.render import environment_for, render_what_can_be

    template, only = wire.read_template(question["template"]), question["only"]
    of_sources: list[Finding] = []
    unused: list[str] = []
    if question["task"] == "examine":
        from rupost_core.configuration.sources import examine

        report = examine(template)
        of_sources, unused = report.findings, report.unused_parameters
    files, findings = [], []
    environment = environment_for(template)
    for case in question["cases"]:
        values, surroundings = wire.read_values(case["values"]), wire.read_surroundings(case["surroundings"])
        rendered, problems = render_what_can_be(environment, template, values, surroundings, only)
        files.append([wire.write_file(file) for file in rendered])
        findings.append([vars(one) for one in problems])
    return {"sources": [vars(one) for one in of_sources], "unused": unused, "findings": findings, "files": files}


if __name__ == "__main__":
    # Without the interpreter's own end, which may want memory that is not there.
    os._exit(main())
