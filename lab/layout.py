"""Names, addresses and paths: everything by which the lab recognises what is its own."""

import os
from dataclasses import dataclass
from pathlib import Path

DOMAIN = "demo.local"
MAIL_HOST = f"mail.{DOMAIN}"

BRIDGE = "br-rupost"
BRIDGE_ADDRESS = "10.77.0.254"
PREFIX_LENGTH = 24
# nspawn names the machine's end of a node's cable "vb-" + machine name; with this prefix it stays
# below the kernel's limit of 15 characters, and `down` finds it without a list of nodes.
MACHINE_PREFIX = "rl-"
CABLE_PREFIX = f"vb-{MACHINE_PREFIX}"
# The source column of our overlay mounts, and the folder of our control groups.
OWNER = "rupost-lab"


@dataclass(frozen=True)
class Place:
    """One node of the lab: what it is called and where it answers."""

    name: str
    address: str
    aliases: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The full host name."""
        return f"{self.name}.{DOMAIN}"

    @property
    def machine(self) -> str:
        """The name given to nspawn."""
        return MACHINE_PREFIX + self.name

    @property
    def directory(self) -> Path:
        """Where the node's overlay lives on this machine."""
        return home() / "nodes" / self.name

    @property
    def root(self) -> Path:
        """The node's file system as this machine sees it."""
        return self.directory / "merged"


NODE1 = Place("node1", "10.77.0.1", (MAIL_HOST, f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}"))
DIR1 = Place("dir1", "10.77.0.21")
MAIL_NODES = (NODE1,)
DIRECTORIES = (DIR1,)
PLACES = MAIL_NODES + DIRECTORIES


def place(name: str) -> Place | None:
    """The node of that name, if the lab has one."""
    return next((known for known in PLACES if known.name == name), None)


def home() -> Path:
    """The folder of everything that outlives a run: images, certificates, the nodes' overlays."""
    return Path(os.environ.get("RUPOST_LAB_HOME", "/var/lib/rupost-lab")).absolute()


def state_file() -> Path:
    """Written when `up` has finished; its absence means down or half made."""
    return home() / "up.json"


def repository() -> Path:
    """The checkout that this lab belongs to."""
    return Path(__file__).resolve().parent.parent


def hosts_file() -> str:
    """/etc/hosts of every node: the lab has no name server."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [" ".join((known.address, known.host, known.name, *known.aliases)) for known in PLACES]
    return "\n".join(lines) + "\n"
