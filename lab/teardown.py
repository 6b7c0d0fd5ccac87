"""Takes the lab down: by what carries its name on the machine, never by what it remembers."""

import shutil
from pathlib import Path

from lab import cgroup, image, mounts, network, node
from lab.layout import MACHINE_PREFIX, home, state_file

# nspawn's own leftovers when it was killed: folders named after the machine.
_NSPAWN_RUN = Path("/run/systemd/nspawn")


def down() -> bool:
    """Remove all of it, whatever state it is in; says whether there was anything. Holds for twice too."""
    found = state_file().exists()
    state_file().unlink(missing_ok=True)
    found |= cgroup.kill()  # first: the rest is only free when no process holds it
    found |= mounts.unmount_all()
    found |= network.down()
    for left in _NSPAWN_RUN.glob(f"*/{MACHINE_PREFIX}*"):
        shutil.rmtree(left)
    found |= node.remove_directories(home() / "nodes")
    found |= image.remove_partial()
    for probe in home().glob("probe-*"):
        shutil.rmtree(probe)
    return found
