"""Is this machine able to run the lab? Installs what it can, names in one line what it cannot."""

import os
import shutil
import tempfile
from pathlib import Path

from lab import cgroup
from lab.errors import Unfit
from lab.layout import home
from lab.progress import step
from lab.run import environment, run

_PACKAGE_OF = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "openssl": "openssl",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def require_root() -> None:
    """Namespaces, mounts and bridges are root's business."""
    if os.geteuid() != 0:
        raise Unfit("this machine cannot run the lab as this user: root is needed (try sudo)")


def check() -> None:
    """Raise Unfit with one line that names all that is missing."""
    require_root()
    _install_tools()
    missing = [f"the program {name}" for name in _absent_programs()]
    if not cgroup.hierarchies():
        missing.append("control groups (no cgroup2 mount)")
    if not missing:
        missing += _missing_kernel_features()
    if missing:
        raise Unfit(f"this machine cannot run the lab, missing: {'; '.join(missing)}")


def _absent_programs() -> list[str]:
    path = environment()["PATH"]
    return [name for name in _PACKAGE_OF if shutil.which(name, path=path) is None]


def _install_tools() -> None:
    """Install absent tools where apt is there to do it; failing is told by the check that follows."""
    wanted = {_PACKAGE_OF[name] for name in _absent_programs()}
    if not _KEYRING.exists():
        wanted.add("debian-archive-keyring")
    if not wanted or shutil.which("apt-get", path=environment()["PATH"]) is None:
        return
    names = sorted(wanted)
    install = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *names]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {' '.join(names)}", slow=True):
        if run(install, timeout=300, env=quiet, check=False).returncode == 0:
            return
        # The usual cause is a package list that is absent or out of date.
        run(["apt-get", "-qq", "update"], timeout=300, check=False)
        run(install, timeout=300, env=quiet, check=False)


def _missing_kernel_features() -> list[str]:
    """Try namespaces and an overlay for real; both are gone again when the probe ends."""
    spaces = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork"]
    tried = run([*spaces, "true"], timeout=10, check=False)
    if tried.returncode != 0:
        return [f"namespaces ({_last_line(tried.stdout)})"]
    if any(sign in str(home()) for sign in ",:\\"):
        return [f"a lab home without comma, colon or backslash in its path (it is {home()})"]
    try:
        home().mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        return [f"a writable {home()} ({refused.strerror})"]
    with tempfile.TemporaryDirectory(prefix="probe-", dir=home()) as probe:
        for name in ("lower", "upper", "work", "merged"):
            (Path(probe) / name).mkdir()
        options = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
        mount = ["mount", "-t", "overlay", "probe", "-o", options, f"{probe}/merged"]
        tried = run(["unshare", "--mount", *mount], timeout=10, check=False)
    if tried.returncode != 0:
        return [f"overlayfs under {home()} ({_last_line(tried.stdout)})"]
    return []


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"
