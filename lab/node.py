"""One node: an overlay of the base image, booted by systemd-nspawn in a control group of its own."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import authority, cgroup, mounts
from lab.customise import write
from lab.errors import LabError, Misuse
from lab.layout import BRIDGE, PREFIX_LENGTH, Place, hosts_file
from lab.run import environment, run


def prepare(place: Place, base: Path) -> None:
    """Mount the node's file system and write who it is. Nothing runs yet."""
    for name in ("upper", "work", "merged"):
        (place.directory / name).mkdir(parents=True)
    mounts.overlay(base, place.directory / "upper", place.directory / "work", place.root)
    etc = place.root / "etc"
    write(etc / "hostname", f"{place.name}\n")
    write(etc / "hosts", hosts_file())
    write(etc / "mailname", f"{place.host}\n")
    write(etc / "machine-id", hashlib.md5(place.machine.encode(), usedforsecurity=False).hexdigest() + "\n")
    write(etc / "rupost-lab/network", f"ADDRESS={place.address}/{PREFIX_LENGTH}\n")
    write(etc / "rupost-lab/ca.pem", authority.ca_pem().read_text())


def install_certificate(place: Place, certificate: authority.Certificate) -> None:
    """Put a certificate and its key beside ca.pem in /etc/rupost-lab."""
    folder = place.root / "etc/rupost-lab"
    write(folder / certificate.pem.name, certificate.pem.read_text())
    write(folder / certificate.key.name, certificate.key.read_text(), 0o600)


def boot(place: Place) -> None:
    """Start the node and return at once; `wait` sees it through."""
    argv = [
        "systemd-nspawn", "--quiet", f"--directory={place.root}", f"--machine={place.machine}",
        "--register=no", "--keep-unit", "--settings=no", f"--network-bridge={BRIDGE}",
        "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--boot",
    ]  # fmt: skip
    # The node gets version 2 of the control groups even from a machine that mixes both; and no lock
    # file, which a killed nspawn would leave behind: the lab has a lock of its own.
    env = environment({"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_LOCK": "0"})
    with _log(place).open("wb") as log:
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
            preexec_fn=cgroup.joining(place.name),  # noqa: PLW1509 - the lab has no threads
            start_new_session=True,
        )


def leader(place: Place) -> int | None:
    """The process that is number 1 inside the node, once it is systemd (until then it is half made).

    A node outlives its nspawn when that is killed, but could not reboot any more: it counts as gone.
    """
    members = cgroup.processes(place.name)
    for process in members:
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        is_init = fields.get("Name") == "systemd" and fields.get("NSpid", "").split() == [str(process), "1"]
        if is_init and int(fields["PPid"]) in members:
            return process
    return None


def wait(place: Place, *, patience: float = 30.0) -> str:
    """Wait until the node's systemd has started everything; returns 'running' or 'degraded'."""
    deadline = time.monotonic() + patience
    state = "not started"
    while time.monotonic() < deadline:
        if leader(place):
            answer = execute(place, ["systemctl", "is-system-running", "--wait"], timeout=patience, check=False)
            state = answer.stdout.strip()
            if state in ("running", "degraded"):
                return state
        elif not cgroup.processes(place.name):
            break
        time.sleep(0.03)
    raise LabError(f"{place.name} did not boot ({state}); the end of {_log(place)}:\n{_log_end(place)}")


def running(place: Place) -> bool:
    """Is the node up and content?"""
    if not leader(place):
        return False
    answer = execute(place, ["systemctl", "is-system-running"], timeout=10, check=False)
    return answer.stdout.strip() in ("running", "degraded")


def entering(place: Place, argv: Sequence[str], env: Mapping[str, str] | None = None) -> list[str]:
    """The command line that runs ARGV in the node with the environment of a root login there."""
    process = leader(place)
    if process is None:
        raise Misuse(f"{place.name} is not up")
    inside = {**environment(), "LANG": "C.UTF-8", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash"}
    inside = {key: value for key, value in inside.items() if not key.lower().endswith("_proxy")}
    inside |= {"TERM": os.environ.get("TERM", "dumb"), **(env or {})}
    settings = [f"{key}={value}" for key, value in inside.items()]
    return ["nsenter", f"--target={process}", "--all", "env", "-i", "--chdir=/root", *settings, *argv]


def execute(
    place: Place,
    argv: Sequence[str],
    *,
    timeout: float = 60.0,
    text: str | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run one command in the node and return what it printed."""
    entered = entering(place, argv, env)
    return run(entered, timeout=timeout, text=text, check=check, shown=[f"{place.name}:", *argv])


def put(place: Place, source: Path, target: str, mode: int | None = None) -> None:
    """Copy a file into the running node; into its own /run and /tmp too, so not by way of the overlay."""
    if not source.is_file():
        raise Misuse(f"{source}: not a file")
    if execute(place, ["test", "-d", target], check=False).returncode == 0:
        target = f"{target.rstrip('/')}/{source.name}"
    bits = source.stat().st_mode & 0o7777 if mode is None else mode
    with source.open("rb") as stream:
        copied = subprocess.run(
            entering(place, ["install", "-D", f"--mode={bits:o}", "/dev/stdin", target]),
            stdin=stream,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
    if copied.returncode != 0:
        raise LabError(f"{place.name}: {copied.stdout.decode('utf-8', 'replace').strip()}")


def remove_directories(nodes: Path) -> bool:
    """Remove the nodes' unmounted overlays; says whether there were any."""
    if not nodes.exists():
        return False
    shutil.rmtree(nodes)
    return True


def _log(place: Place) -> Path:
    return place.directory / "boot.log"


def _log_end(place: Place) -> str:
    lines = _log(place).read_text(errors="replace").splitlines() if _log(place).exists() else []
    return "\n".join(lines[-15:])
