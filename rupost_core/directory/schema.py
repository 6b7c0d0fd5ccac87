"""What differs between kinds of directory, as data: `schemas/KIND.yaml`, loaded strictly."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from rupost_core.directory.model import KINDS, Disabled, Kind, Schema

SCHEMAS = Path(__file__).parent / "schemas"
_FIELD_FORMS = ("text", "dn", "proxy_addresses")


class SchemaBroken(ValueError):
    """A schema file is wrong. The files are RuPost's own, so this is a bug, not a user's error."""


@dataclass(frozen=True)
class BookField:
    """An address-book field. `title` is {ru, en}; `form` says how the attribute's values are to be shown."""

    attribute: str
    title: dict[str, str]
    form: Literal["text", "dn", "proxy_addresses"]


@dataclass(frozen=True)
class FullSchema:
    """A whole schema file: what finding people needs (`access`), the kind's title, and the address book."""

    access: Schema
    title: dict[str, str]
    address_book: tuple[BookField, ...]


@lru_cache(maxsize=len(KINDS))
def load(kind: Kind) -> FullSchema:
    """The built-in schema of a kind."""
    return parse((SCHEMAS / f"{kind}.yaml").read_text(encoding="utf-8"), f"{kind}.yaml")


def parse(text: str, source: str) -> FullSchema:
    """A schema from YAML; raises SchemaBroken naming `source`, the key and the nearest known one."""
    import yaml

    top = _Section(yaml.safe_load(text), source)
    kind = top.text("kind")
    if kind not in KINDS:
        raise top.broken("kind", f"must be one of {', '.join(KINDS)}")
    key = top.section("key")
    form = key.text("form")
    if form not in ("guid", "text"):
        raise key.broken("form", "must be guid or text")
    key_form: Literal["guid", "text"] = "guid" if form == "guid" else "text"
    access = Schema(
        kind=kind,
        key_attribute=key.text("attribute"),
        key_form=key_form,
        login_attribute=top.text("login"),
        people_filter=top.text("people_filter"),
        disabled=_disabled(top.section("disabled")),
        account_class=top.text("account_class", may_be_empty=True),
        skip=tuple(top.texts("skip")),
    )
    title = top.titles("title")
    book_section = top.section("address_book")
    book = tuple(_book_field(book_section, attribute) for attribute in book_section.names())
    for section in (top, key, book_section):
        section.refuse_unknown()
    return FullSchema(access, title, book)


def _disabled(section: _Section) -> Disabled:
    attribute = section.text("attribute")
    if section.has("bit") == section.has("equals"):
        raise section.broken("bit", "exactly one of bit and equals is needed")
    rule = (
        Disabled(attribute, bit=section.number("bit"))
        if section.has("bit")
        else Disabled(attribute, equals=section.text("equals"))
    )
    section.refuse_unknown()
    return rule


def _book_field(book: _Section, attribute: str) -> BookField:
    section = book.section(attribute)
    form = section.text("form") if section.has("form") else "text"
    if form not in _FIELD_FORMS:
        raise section.broken("form", f"must be one of {', '.join(_FIELD_FORMS)}")
    field = BookField(attribute, {code: section.text(code) for code in ("ru", "en")}, form)  # type: ignore[arg-type]
    section.refuse_unknown()
    return field


class _Section:
    """A mapping of the file that notes which keys were read, so that the others can be refused."""

    def __init__(self, data: Any, path: str) -> None:
        if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
            raise SchemaBroken(f"{path}: must be a mapping with text keys")
        self._data: dict[str, Any] = data
        self._path = path
        self._read: set[str] = set()

    def has(self, key: str) -> bool:
        return key in self._data

    def names(self) -> list[str]:
        return list(self._data)

    def text(self, key: str, *, may_be_empty: bool = False) -> str:
        value = self._take(key)
        if not isinstance(value, str) or not (value or may_be_empty):
            raise self.broken(key, "must be text")
        return value

    def texts(self, key: str) -> list[str]:
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.broken(key, "must be a list of texts")
        return value

    def number(self, key: str) -> int:
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.broken(key, "must be a whole number")
        return value

    def titles(self, key: str) -> dict[str, str]:
        section = self.section(key)
        titles = {code: section.text(code) for code in ("ru", "en")}
        section.refuse_unknown()
        return titles

    def section(self, key: str) -> _Section:
        return _Section(self._take(key), f"{self._path}: {key}")

    def refuse_unknown(self) -> None:
        for key in self._data:
            if key not in self._read:
                near = difflib.get_close_matches(key, self._read, 1)
                raise self.broken(key, f"unknown key{f', did you mean {near[0]}?' if near else ''}")

    def broken(self, key: str, reason: str) -> SchemaBroken:
        return SchemaBroken(f"{self._path}: {key}: {reason}")

    def _take(self, key: str) -> Any:
        if key not in self._data:
            raise self.broken(key, "missing")
        self._read.add(key)
        return self._data[key]
