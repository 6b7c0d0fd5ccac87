"""What this machine's own apt is told: the lab takes packages from where the machine takes them.

No mirror is named in the project. RUPOST_LAB_MIRROR overrides, for a machine of another release.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import Unfit
from lab.run import run

_ETC = Path("/etc/apt")
# Proxies, and how strict to be about dates (a frozen mirror's signatures are out of date by design).
_SETTINGS = re.compile(r"^Acquire::(https?|ftp)\b|^Acquire::Check-|^Acquire::Languages\b", re.IGNORECASE)


@dataclass(frozen=True)
class Apt:
    """The part of the machine's apt configuration that fits one release."""

    mirror: str
    one_line: str
    deb822: str
    settings: str
    keyrings: tuple[Path, ...]


@dataclass(frozen=True)
class _Entry:
    """One source as it is written, with the few fields that we look at."""

    text: str
    deb822: bool
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    signed_by: str


def read(release: str) -> Apt:
    """The sources that carry RELEASE or one of its companions (RELEASE-security, RELEASE-updates)."""
    entries = [entry for entry in _entries() if any(_fits(suite, release) for suite in entry.suites)]
    mirror = os.environ.get("RUPOST_LAB_MIRROR") or _mirror(entries, release)
    if not mirror:
        raise Unfit(
            f"this machine cannot run the lab, missing: an apt source for {release} in {_ETC} "
            "(set RUPOST_LAB_MIRROR to the address of a mirror)"
        )
    one_line = [entry.text for entry in entries if not entry.deb822]
    if not entries:
        one_line.append(f"deb {mirror} {release} main")
    keyrings = {Path(entry.signed_by) for entry in entries if entry.signed_by.startswith("/")}
    dump = run(["apt-config", "dump"], timeout=20).stdout.splitlines()
    return Apt(
        mirror=mirror,
        one_line="".join(f"{line}\n" for line in one_line),
        deb822="\n".join(f"{entry.text}\n" for entry in entries if entry.deb822),
        settings="".join(f"{line}\n" for line in dump if _SETTINGS.match(line)),
        keyrings=tuple(sorted(path for path in keyrings if path.is_file())),
    )


def _fits(suite: str, release: str) -> bool:
    return suite == release or suite.startswith((f"{release}-", f"{release}/"))


def _mirror(entries: list[_Entry], release: str) -> str:
    """The first address that debootstrap can use: one that carries the release itself."""
    for entry in entries:
        for uri in entry.uris:
            if release in entry.suites and uri.startswith(("http://", "https://", "file:")):
                return uri
    return ""


def _entries() -> list[_Entry]:
    found: list[_Entry] = []
    parts = _ETC / "sources.list.d"
    for path in (_ETC / "sources.list", *sorted(parts.glob("*.list"))):
        if path.is_file():
            found += _one_line_entries(path.read_text())
    for path in sorted(parts.glob("*.sources")):
        found += _deb822_entries(path.read_text())
    return found


def _one_line_entries(text: str) -> list[_Entry]:
    """deb [key=value ...] URI SUITE COMPONENT..."""
    found = []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)", line.strip())
        if match:
            signed = re.search(r"signed-by=(\S+)", match["options"] or "", re.IGNORECASE)
            found.append(_Entry(line.strip(), False, (match["uri"],), (match["suite"],), signed[1] if signed else ""))
    return found


def _deb822_entries(text: str) -> list[_Entry]:
    """Stanzas of `Field: value` lines, continued by indentation, parted by empty lines."""
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        fields: dict[str, str] = {}
        last = ""
        for line in lines:
            if line[0].isspace():
                fields[last] = f"{fields.get(last, '')} {line.strip()}"
            else:
                last, _, value = line.partition(":")
                last = last.strip().lower()
                fields[last] = value.strip()
        switched_off = fields.get("enabled", "yes").lower() in ("no", "false", "0")
        if "deb" in fields.get("types", "").split() and not switched_off:
            uris, suites = (tuple(fields.get(key, "").split()) for key in ("uris", "suites"))
            found.append(_Entry("\n".join(lines), True, uris, suites, fields.get("signed-by", "").strip()))
    return found
