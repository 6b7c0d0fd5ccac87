"""Russian and English through gettext. English texts are the message ids; Russian is `locale/ru`.

The language is chosen once, at the start of a process, from RUPOST_LANGUAGE, LC_ALL, LC_MESSAGES or LANG. Without
any of them, and with the bare C locale, it is Russian: RuPost's administrators read Russian first.
"""

from __future__ import annotations

import gettext
import os
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("ru", "en")
LOCALE_DIRECTORY = Path(__file__).parent / "locale"
DOMAIN = "rupost"


@lru_cache(maxsize=1)
def language() -> str:
    """`ru` or `en`, for this process."""
    for variable in ("RUPOST_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        code = value.split(".")[0].split("_")[0].lower()
        if code in LANGUAGES:
            return code
        if code not in ("", "c", "posix"):
            return "en"
    return "ru"


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(code: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE_DIRECTORY, languages=[code], fallback=True)


def translate(text: str, /, **values: object) -> str:
    """The text in the process's language, with `{name}` places filled in."""
    return translate_to(language(), text, **values)


def translate_to(code: str, text: str, /, **values: object) -> str:
    """The text in the language `code` (`ru` or `en`), as a web page needs it for each of its readers."""
    translated = _catalogue(code).gettext(text) if text else ""
    return translated.format(**values) if values else translated


class lazy:
    """A text translated when it is shown, for class bodies that run before the language is known."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return translate(self.text)


def pick(texts: dict[str, str]) -> str:
    """The text of a `{ru: …, en: …}` pair, as templates and schemas carry them."""
    return texts.get(language()) or texts.get("en") or next(iter(texts.values()), "")


def install_domain() -> None:
    """Makes RuPost's catalogue the process's default one, so that libraries that use gettext speak it too."""
    gettext.bindtextdomain(DOMAIN, LOCALE_DIRECTORY)
    gettext.textdomain(DOMAIN)
    os.environ["LANGUAGE"] = language()
