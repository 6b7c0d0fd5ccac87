"""Whether a refusal says what it must: component, file, line, parameter, in both languages; a sweep's table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from rupost_core.configuration.schema import COMPONENTS

WALLS = ("typing", "lint", "checkers", "shadow")


def faults_of(result: dict[str, Any]) -> list[str]:
    """What is wrong with the way in which a broken configuration was met; empty when all is well."""
    faults = [] if result["live_untouched"] else ["the live files changed"]
    if not result["wall"]:
        return [*faults, "not refused"]
    if result["wall"] == "typing":
        return faults + _of_typing(result)
    return [*faults, *_of_place(result), *_of_parameter(result), *_of_language(result)]


def _of_typing(result: dict[str, Any]) -> list[str]:
    faults = []
    if not any(result["expects"]["parameter"] in message for message in result["en"]):
        faults.append("the parameter is not named")
    if set(result["en"]) & set(result["ru"]):
        faults.append("the message is in one language")
    return faults


def _of_place(result: dict[str, Any]) -> list[str]:
    expects, problems = result["expects"], result["problems"]
    faults = []
    if not all(problem["component"] in (*COMPONENTS, "tls") and problem["file"] for problem in problems):
        faults.append("a component or a file is not named")
    if expects["elsewhere"]:
        if expects["line"] and not any(problem["line"] for problem in problems):
            faults.append("no line is named")
        return faults
    if expects["files"] and not any(problem["file"] in expects["files"] for problem in problems):
        faults.append("the file is not named")
    if expects["line"] and not any(problem["line"] == expects["line"] for problem in problems):
        faults.append("the line is not named")
    return faults


def _of_parameter(result: dict[str, Any]) -> list[str]:
    expects, problems = result["expects"], result["problems"]
    if not expects["parameter"]:
        return []
    if not any(expects["parameter"] in problem["parameter"].split(", ") for problem in problems):
        return ["the parameter is not named"]
    line = expects["parameter_line"]
    if line and not any(problem["parameter_line"] == line for problem in problems):
        return ["the line of the own text is not named"]
    return []


def _of_language(result: dict[str, Any]) -> list[str]:
    located = any(problem["line"] or problem["parameter"] for problem in result["problems"])
    return ["the message is in one language"] if located and result["en"] == result["ru"] else []


def table(results: Iterable[dict[str, Any]]) -> str:
    """One line for each kind of fault: how many, and which wall refused them."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        counts[result["way"]][result["wall"] or "NOT refused"] += 1
    columns = (*WALLS, "NOT refused")
    rows = [("kind", "made", *columns)]
    rows += [
        (way, str(sum(found.values())), *(str(found[column]) for column in columns))
        for way, found in sorted(counts.items())
    ]
    total = sum(counts.values(), Counter[str]())
    rows.append(("all", str(sum(total.values())), *(str(total[column]) for column in columns)))
    return "\n".join(f"{row[0]:28}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows)
