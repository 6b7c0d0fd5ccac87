"""One lab for all lab tests: built fresh from the package, taken down at the end, with nothing left behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab import cgroup, clients

ROOT = Path(__file__).parents[2]


class Node:
    """Commands in node1, as its root."""

    def run(self, *command: str, check: bool = True, timeout: float = 180, **variables: str):
        """Runs a command; output in English whatever the machine's language is."""
        env = [f"{name}={value}" for name, value in ({"RUPOST_LANGUAGE": "en"} | variables).items()]
        done = subprocess.run(
            [ROOT / "lab/lab", "sh", "node1", "env", *env, *command], capture_output=True, text=True,
            timeout=timeout, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def put(self, source: Path, target: str) -> None:
        subprocess.run([ROOT / "lab/lab", "put", "node1", source, target], check=True, timeout=60)

    def log_position(self) -> int:
        return int(self.run("stat", "-c", "%s", "/var/log/mail.log").stdout)

    def log_since(self, position: int) -> str:
        return self.run("tail", "-c", f"+{position + 1}", "/var/log/mail.log").stdout

    def live(self) -> str:
        return self.run("readlink", "/var/lib/rupost/configuration/live").stdout.strip()


@pytest.fixture(scope="session")
def deb() -> Path:
    subprocess.run([ROOT / "packaging/build"], check=True, timeout=600)
    return max((ROOT / "dist").glob("rupost_*_amd64.deb"), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="session")
def lab(deb):
    subprocess.run([ROOT / "lab/lab", "up", "single", "--fresh", "--deb", deb], check=True, timeout=900)
    yield clients.find()
    # As after a crash: the nodes are gone without a word, and what they held is still there.
    subprocess.run(["pkill", "-9", "-f", "systemd-nspawn .*--machine=rl-"], check=True)
    subprocess.run([ROOT / "lab/lab", "down"], check=True, timeout=60)
    left = _left_behind()
    assert not left, f"lab/lab down left behind: {left}"


@pytest.fixture(scope="session")
def node(lab) -> Node:
    return Node()


def _left_behind() -> list[str]:
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if "/rupost-lab/" in line]
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    bridges = [line for line in links.splitlines() if line.startswith(("br-rupost", "vb-rl-"))]
    processes = subprocess.run(
        ["pgrep", "-af", "systemd-nspawn .*--machine=rl-"], capture_output=True, text=True
    ).stdout
    groups = [str(group) for top in cgroup.hierarchies() for group in top.glob("rupost-lab*")]
    return [*mounts, *bridges, *processes.splitlines(), *groups]
