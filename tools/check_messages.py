"""Whether every text that people read has its Russian translation; `--write` adds the missing ones, empty.

The texts are found in the sources (`_("…")`, `lazy("…")`, `_mark("…")`); the catalogue is rupost_core/locale/ru.
Click's own texts are named here, and must stand in the installed Click word for word: it looks them up by them.
"""

from __future__ import annotations

import ast
import re
import string
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "rupost_core/locale/ru/LC_MESSAGES/rupost.po"
PACKAGES = ("rupost_core", "rupost_cli", "rupost_web", "wizard")
# What the command line shows of Click's own texts, through gettext; (one, several) where it counts.
Text = str | tuple[str, str]
CLICK_TEXTS: tuple[Text, ...] = (
    "Usage:",
    "Positional arguments",
    "Options",
    "Commands",
    "Show this message and exit.",
    "required",
    "default: {default}",
    "Missing option",
    "Missing argument",
    "Missing command.",
    "No such option {name!r}.",
    "No such command {name!r}.",
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    "Choose from:\n\t{choices}",
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
    "Invalid value for {param_hint}: {message}",
    "Option {name!r} does not take a value.",
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
)


def texts_in_sources() -> set[Text]:
    found: set[Text] = set(CLICK_TEXTS)
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
    """The docstrings of functions under `@app.verb(…)` or another noun's: their help is made of them."""
    return {
        ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and any(re.match(r"\w+\.verb\(", ast.unparse(decorator)) for decorator in node.decorator_list)
    }


def texts_in_click() -> set[Text]:
    """What the installed Click looks up by gettext."""
    folder = Path(click.__file__).parent
    found: set[Text] = {
        message if isinstance(message, str) else (message[0], message[1])
        for _file, _line, message, _comments, _context in extract_from_dir(
            folder, [("**.py", "python")], keywords={"_": None, "ngettext": (1, 2)}
        )
    }
    if 'extra["required"] = "required"' in (folder / "core.py").read_text(encoding="utf-8"):
        found.add("required")  # translated by way of a variable
    return found


def problems(catalogue: Catalog, wanted: set[Text]) -> list[str]:
    found = []
    for text in sorted(wanted, key=_key):
        message = catalogue.get(_key(text))
        translations = _strings(message.string if message else None)
        if message is None or not all(translations) or message.id != text:
            found.append(f"not translated: {_key(text)}")
        elif message.fuzzy:
            found.append(f"fuzzy: {_key(text)}")
        elif any(not _fits(text, translation) for translation in translations):
            found.append(f"other {{places}} in the translation: {_key(text)}")
    keys = {_key(text) for text in wanted}
    known = {_key(message.id) for message in catalogue if message.id}
    return found + [f"no longer used: {key}" for key in sorted(known - keys)]


def _key(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else text[0]


def _strings(text: str | Sequence[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or [""])


def _fits(text: Text, translation: str) -> bool:
    """Whether the translation has the same places; a counted one has those of any of its forms."""
    return _places(translation) in [_places(form) for form in _strings(text)]


def _places(text: str) -> set[str]:
    if re.search(r"\{[^}a-z]", text):
        return set()
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:  # a text that speaks of a bracket has no places, and is never formatted
        return set()
    return {name.split("!")[0] for _literal, name, _form, _conversion in parts if name}


def main() -> int:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="ru")
    wanted = texts_in_sources()
    if "--write" in sys.argv:
        for text in sorted(wanted, key=_key):
            if catalogue.get(_key(text)) is None:
                catalogue.add(text, "" if isinstance(text, str) else ("",) * catalogue.num_plurals)
        for key in {_key(message.id) for message in catalogue if message.id} - {_key(text) for text in wanted}:
            catalogue.delete(key)
        with CATALOGUE.open("wb") as file:
            write_po(
                file, catalogue, width=0, sort_output=True, omit_header=False, ignore_obsolete=True, no_location=True
            )
    found = problems(catalogue, wanted)
    known = texts_in_click()
    found += [f"not among the texts of click {version('click')}: {text}" for text in CLICK_TEXTS if text not in known]
    for line in found:
        sys.stderr.write(f"{CATALOGUE.name}: {line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
