"""Whether every text that people read has its Russian translation; `--write` adds the missing ones, empty.

The texts are found in the sources (`_("…")`, `lazy("…")`, `_mark("…")`); the catalogue is rupost_core/locale/ru.
"""

from __future__ import annotations

import ast
import re
import string
import sys
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "rupost_core/locale/ru/LC_MESSAGES/rupost.po"
PACKAGES = ("rupost_core", "rupost_cli", "rupost_web", "wizard")
# Click's and Typer's own texts, which our command line shows through gettext.
LIBRARY_TEXTS = (
    "Usage:",
    "Options",
    "Arguments",
    "Commands",
    "Show this message and exit.",
    "required",
    "default: {default}",
    "Missing {param_type}",
    "Missing option",
    "Missing argument",
    "No such option: {name}",
    "No such command {name!r}.",
    "Missing command.",
    "Did you mean {possibility}?",
    "{value!r} is not a valid {number_type}.",
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    "Option {name!r} requires an argument.",
    "Got unexpected extra argument ({args})",
)


def texts_in_sources() -> set[str]:
    found: set[str] = set(LIBRARY_TEXTS)
    for package in PACKAGES:
        methods = [("**.py", "python"), ("**.html", "jinja2"), ("**.j2", "jinja2")]
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / package, methods, keywords={"_": None, "lazy": None, "_mark": None, "N_": None}
        ):
            found.add(message if isinstance(message, str) else message[0])
    for file in (ROOT / "rupost_cli").glob("*.py"):
        found |= verb_help(file.read_text(encoding="utf-8"))
    found.discard("")
    return found


def verb_help(source: str) -> set[str]:
    """The docstrings of functions under `@app.command(…)` and `@app.callback()`: their help is made of them."""
    return {
        ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and any(re.match(r"app\.command\(", ast.unparse(decorator)) for decorator in node.decorator_list)
    }


def problems(catalogue: Catalog, wanted: set[str]) -> list[str]:
    found = []
    for text in sorted(wanted):
        message = catalogue.get(text)
        if message is None or not message.string:
            found.append(f"not translated: {text}")
        elif message.fuzzy:
            found.append(f"fuzzy: {text}")
        elif _places(text) != _places(str(message.string)):
            found.append(f"other {{places}} in the translation: {text}")
    known = {str(message.id) for message in catalogue if message.id}
    return found + [f"no longer used: {text}" for text in sorted(known - wanted)]


def _places(text: str) -> set[str]:
    if re.search(r"\{[^}a-z]", text):
        return set()
    return {name.split("!")[0] for _literal, name, _form, _conversion in string.Formatter().parse(text) if name}


def main() -> int:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="ru")
    wanted = texts_in_sources()
    if "--write" in sys.argv:
        for text in sorted(wanted):
            if catalogue.get(text) is None:
                catalogue.add(text, "")
        for text in {str(message.id) for message in catalogue if message.id} - wanted:
            catalogue.delete(text)
        with CATALOGUE.open("wb") as file:
            write_po(
                file, catalogue, width=0, sort_output=True, omit_header=False, ignore_obsolete=True, no_location=True
            )
    found = problems(catalogue, wanted)
    for line in found:
        sys.stderr.write(f"{CATALOGUE.name}: {line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
