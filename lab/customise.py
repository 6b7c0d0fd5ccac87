"""What makes a plain Debian root a node of the lab: quiet, quick to boot, nothing running by itself."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from lab import machine_apt

# Answers for packages that would ask. Postfix: "No configuration" would leave no main.cf behind.
PRESEED = """\
postfix postfix/main_mailer_type select Local only
postfix postfix/mailname string node.invalid
slapd slapd/no_configuration boolean true
"""

# A node starts what the product or the lab starts; only the log stays on, the product reads mail.log.
_STAYS_ENABLED = frozenset({"rsyslog.service"})

# Costs boot time or wakes up at odd hours, and means nothing in a container without a way out.
_MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "logrotate.timer",
    "man-db.timer",
    "systemd-firstboot.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
)

# The node gives itself its address, so that it has one however and by whomever it is booted.
_NETWORK_UNIT = """\
[Unit]
Description=Address of this lab node
DefaultDependencies=no
After=local-fs.target
Before=network.target network-online.target
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/rupost-lab/network
ExecStart=/usr/sbin/ip address replace ${ADDRESS} dev host0
ExecStart=/usr/sbin/ip link set host0 up

[Install]
WantedBy=multi-user.target network-online.target
"""

_FILES = {
    "etc/systemd/system/lab-network.service": _NETWORK_UNIT,
    # No name server: a name that is not in /etc/hosts fails at once. Programs that ask DNS by
    # themselves (Postfix for MX) get "connection refused" from loopback, which is immediate as well.
    "etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    "etc/default/locale": "LANG=C.UTF-8\n",
    # Overlays are thrown away: keep logs small and in memory.
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\n",
}

_NO_DAEMONS = Path("usr/sbin/policy-rc.d")
_FAST_DPKG = Path("etc/dpkg/dpkg.cfg.d/lab")


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write one file of the root, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be a symbolic link that leads out of the root
    path.write_text(text)
    path.chmod(mode)


def before_packages(root: Path, apt: machine_apt.Apt) -> None:
    """Let apt work in the root as it works on this machine, and keep daemons from starting."""
    write(root / "etc/apt/sources.list", apt.one_line)
    write(root / "etc/apt/sources.list.d/machine.sources", apt.deb822)
    write(root / "etc/apt/apt.conf.d/90machine", apt.settings)
    for keyring in apt.keyrings:
        copy = root / keyring.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(keyring.read_bytes())
    write(root / "etc/resolv.conf", Path("/etc/resolv.conf").read_text())
    # PostgreSQL tries shared memory when it makes its cluster, and settles for less where it fails.
    shared_memory = root / "dev/shm"
    shared_memory.mkdir(exist_ok=True)
    shared_memory.chmod(0o1777)
    write(root / _NO_DAEMONS, "#!/bin/sh\nexit 101\n", 0o755)
    # A lost build is built again: no fsync per file, and no manuals that nobody reads in a node.
    write(
        root / _FAST_DPKG,
        "force-unsafe-io\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n",
    )


def after_packages(root: Path, chroot: Callable[..., str]) -> None:
    """Switch everything off, then put the lab's own files in. CHROOT runs a command in the root."""
    (root / _NO_DAEMONS).unlink()
    (root / _FAST_DPKG).unlink()  # the product's package must be unpacked whole
    listed = chroot("systemctl", "list-unit-files", "--no-legend", "--no-pager", "--state=enabled")
    native = {line.split()[0] for line in listed.splitlines() if line.strip()}
    to_stop = sorted((native | set(_old_style(root))) - _STAYS_ENABLED)
    chroot("systemctl", "--quiet", "disable", *(unit for unit in to_stop if _stoppable(unit)))
    chroot("systemctl", "--quiet", "mask", *_MASKED)
    for name, text in _FILES.items():
        write(root / name, text)
    chroot("systemctl", "--quiet", "enable", "lab-network.service", "rsyslog.service")
    _edit(root / "etc/nsswitch.conf", r"^hosts:.*$", "hosts: files")
    # A container has no kernel log of its own.
    _edit(root / "etc/rsyslog.conf", r'^(module\(load="imklog".*)$', r"#\1")
    chroot("postconf", "-X", "myhostname")  # the name of the machine that built the image
    # Each node writes its own identity. Without a machine id systemd would take the first boot for
    # a new installation and enable everything again.
    for name in ("etc/hostname", "etc/hosts", "etc/mailname"):
        (root / name).unlink(missing_ok=True)
    write(root / "etc/machine-id", "")


def _old_style(root: Path) -> Iterable[str]:
    """Daemons that still have a System V start script only, slapd among them."""
    for script in (root / "etc/init.d").iterdir():
        if os.access(script, os.X_OK):
            yield f"{script.name}.service"


def _stoppable(unit: str) -> bool:
    """Not templates, and not what belongs to systemd itself."""
    name, _, kind = unit.rpartition(".")
    return kind in ("service", "timer", "socket", "path") and not name.endswith("@") and "systemd-" not in name


def _edit(path: Path, pattern: str, replacement: str) -> None:
    path.write_text(re.sub(pattern, replacement, path.read_text(), flags=re.MULTILINE))
