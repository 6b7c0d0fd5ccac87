"""`make screenshots`: pictures of what people look at, taken from a lab node by headless Chromium.

Terminal pictures are the command's own output, put on a page with a terminal's colours.
"""

from __future__ import annotations

import html
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import clients

HERE = Path(__file__).parent
ROOT = HERE.parent
CHROMIUM = [
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--ignore-certificate-errors", "--virtual-time-budget=8000",
]  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A page of the node: file name, URL, language, size in pixels, light or dark."""

    name: str
    url: str
    language: str
    size: str = "1200,800"
    dark: bool = False


def main() -> int:
    subprocess.run([ROOT / "lab/lab", "up", "single"], check=True, timeout=900)
    lab = clients.find()
    panel = f"https://{lab.address}:5000/sign-in"
    for page in (
        Page("sign-in-ru", panel, "ru"),
        Page("sign-in-en-dark", panel, "en", dark=True),
        Page("sign-in-narrow-ru", panel, "ru", size="400,800"),
        Page("web-client-ru", f"https://{lab.address}/SOGo/", "ru"),
    ):
        _page(page)
    person = lab.person("petrova")
    check = f"RUPOST_CHECK_PASSWORD={person.password}"
    for language in ("ru", "en"):
        _terminal(f"check-mailflow-{language}", language, check, "rupost check mailflow --address " + person.address)
        _terminal(f"config-plan-{language}", language, "", "rupost config plan --set message_size_limit=100M")
        _terminal(f"refused-{language}", language, "", "rupost config deploy --set dovecot_extra=no_such_setting=1")
    return 0


def _page(page: Page) -> None:
    target = HERE / f"{page.name}.png"
    options = [f"--window-size={page.size}", f"--lang={page.language}", f"--accept-lang={page.language}"]
    if page.dark:
        options += ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]
    _chromium(target, page.url, options)


def _terminal(name: str, language: str, environment: str, command: str) -> None:
    """The command runs on the node as it stands; what it prints on both streams is the picture."""
    variables = [f"RUPOST_LANGUAGE={language}", *([environment] if environment else [])]
    done = subprocess.run(
        [ROOT / "lab/lab", "sh", "node1", "env", *variables, *command.split()],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=180,
        check=False,
    )  # fmt: skip
    text = f"root@node1:~# {command}\n{done.stdout}"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "terminal.html"
        page.write_text(
            "<meta charset=utf-8><style>body{margin:0;background:#14181d;color:#d7dde3;padding:18px 22px;"
            "font:15px/1.35 'DejaVu Sans Mono',monospace;white-space:pre-wrap}</style>" + html.escape(text)
        )
        height = 60 + 21 * (len(text.splitlines()) + sum(len(line) // 120 for line in text.splitlines()))
        _chromium(HERE / f"{name}.png", page.as_uri(), [f"--window-size=1200,{min(height, 1400)}"])


def _chromium(target: Path, url: str, options: list[str]) -> None:
    with tempfile.TemporaryDirectory() as profile:
        command = [*CHROMIUM, f"--user-data-dir={profile}", f"--screenshot={target}", *options, url]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    print(target)


if __name__ == "__main__":
    sys.exit(main())
