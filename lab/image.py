"""The base image: one Debian root with every package of the product, made once, shared by all nodes."""

import hashlib
import json
import shutil
import time
from pathlib import Path

from lab import cgroup, customise, machine_apt, mounts, packages
from lab.layout import home
from lab.progress import say, step
from lab.run import run

_GROUP = "image"
_PARTIAL = ".partial"
_KEPT = 2
_DEBOOTSTRAP = ("debootstrap", "--variant=minbase", f"--include={','.join(packages.FIRST)}")
_APT_INSTALL = ("apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "install")
# Gone with the build, however it ends: what debootstrap mounts stays in a mount namespace of its own,
# and the processes below the first one die with it.
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def path() -> Path:
    """Where the image for the present package list and code is, or would be."""
    sources = [Path(module.__file__ or "").read_text() for module in (customise, packages)]
    made_of = [*sources, Path(__file__).read_text(), packages.product(), packages.LAB_ONLY, _DEBOOTSTRAP]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return home() / "images" / digest[:16]


def ensure() -> Path:
    """The image, built if it is not there yet. The caller holds the lock."""
    image = path()
    if not image.is_dir():
        with step(f"base image {image.name}", slow=True):
            _build(image)
    image.touch()  # the age that `_prune` goes by is the last use
    return image


def remove_partial() -> bool:
    """Remove what a killed build has left; says whether there was anything."""
    existed = cgroup.kill(_GROUP)
    for left in (home() / "images").glob(f"*{_PARTIAL}"):
        shutil.rmtree(left)
        existed = True
    return existed


def _build(image: Path) -> None:
    remove_partial()
    root = image.with_name(image.name + _PARTIAL)
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        _fill(root)
        root.rename(image)
    finally:
        remove_partial()
    _prune(image)


def _fill(root: Path) -> None:
    apt = machine_apt.read(packages.RELEASE)
    join = cgroup.joining(_GROUP)

    def chroot(*argv: str, text: str | None = None, timeout: float = 60) -> str:
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}
        inside = (*_APART, f"--root={root}", *argv)
        return run(inside, timeout=timeout, text=text, env=quiet, before=join).stdout

    with step("debootstrap", slow=True):
        run([*_APART, *_DEBOOTSTRAP, packages.RELEASE, str(root), apt.mirror], timeout=900, before=join)
    customise.before_packages(root, apt)
    wanted = [*packages.BASE, *packages.product(), *packages.LAB_ONLY]
    with step(f"{len(wanted)} packages and what they need", slow=True):
        chroot("apt-get", "-q", "update", timeout=300)
        chroot("debconf-set-selections", text=customise.PRESEED)
        chroot(*_APT_INSTALL, *wanted, timeout=1200)
        chroot("apt-get", "clean")
    with step("daemons off, the lab's own files in"):
        customise.after_packages(root, chroot)


def _prune(current: Path) -> None:
    """Images are large: keep the last few used, and any that a running node stands on."""
    others = [found for found in current.parent.iterdir() if found not in {current, *mounts.bases()}]
    others.sort(key=lambda found: found.stat().st_mtime, reverse=True)
    for old in others[_KEPT - 1 :]:
        say(f"removing image {old.name}, last used {time.strftime('%F', time.localtime(old.stat().st_mtime))}")
        shutil.rmtree(old)
