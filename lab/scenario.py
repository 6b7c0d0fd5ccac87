"""What `up single` makes: one mail node and one directory, and what may be known about them."""

import json
from pathlib import Path
from typing import Any

from lab import authority, cgroup, directory, image, ldif, mounts, network, node, setup, teardown
from lab.errors import LabError
from lab.layout import DIR1, DIRECTORIES, DOMAIN, MAIL_HOST, MAIL_NODES, NODE1, PLACES, state_file
from lab.people import OPENED
from lab.progress import say, step

# How far the product is in the nodes that are up.
_ABSENT, _HALF, _INSTALLED = "absent", "half installed", "installed"


def up_single(*, deb: Path | None, fresh: bool) -> None:
    """Bring node1 and dir1 up, and the product into node1 unless DEB is None. The caller holds the lock."""
    state = _state()
    if fresh or state is None or state["product"] == _HALF or not healthy():
        _build()
        _remember(_ABSENT)
    elif deb is None or state["product"] == _INSTALLED:
        same = image.path() in mounts.bases()
        say("already up" if same else "already up, on an image that is out of date (--fresh replaces it)")
        return
    if deb is not None:
        _remember(_HALF)  # stays so when a step fails: the next `up` starts from fresh nodes
        setup.set_up(NODE1, deb, directory=DIR1, people=OPENED)
        _remember(_INSTALLED)


def healthy() -> bool:
    """Does everything that `up` has made still live?"""
    return all(node.running(place) for place in PLACES) and directory.answers()


def describe() -> dict[str, Any]:
    """All that a test or a person must know to use the lab; LabError when it is not up."""
    if _state() is None or not all(node.leader(place) for place in PLACES):
        raise LabError("not up (lab up single)")
    return {
        "nodes": {place.name: {"address": place.address} for place in MAIL_NODES},
        "directories": {
            place.name: {
                "address": place.address,
                "kind": "freeipa",
                "url": directory.URL,
                "base": ldif.USERS,
                "bind_dn": ldif.SERVICE_DN,
                "bind_password": ldif.SERVICE_PASSWORD,
            }
            for place in DIRECTORIES
        },
        "domain": DOMAIN,
        "mail_host": MAIL_HOST,
        "people": [
            {"address": who.address, "login": who.login, "password": who.password, "name": who.name} for who in OPENED
        ],
        "ca": str(authority.ca_pem()),
    }


def _build() -> None:
    base = image.ensure()
    with step("removing what was there"):
        teardown.down()
    with step("certificates, network, file systems"):
        authority.ensure()
        network.up()
        for place in PLACES:
            node.prepare(place, base)
        for certificate in (authority.MAIL, authority.PANEL):
            node.install_certificate(NODE1, certificate)
    with step("boot of " + ", ".join(place.name for place in PLACES)):
        node.boot(NODE1)
        directory.prepare()  # while node1 boots
        node.boot(DIR1)
        for place in PLACES:
            if node.wait(place) == "degraded":
                failed = node.execute(place, ["systemctl", "--failed", "--plain", "--no-legend"]).stdout
                say(f"{place.name} is degraded: {failed.strip()}")
    with step("directory on dir1"):
        directory.start()


def _state() -> dict[str, Any] | None:
    """What the last finished `up` has written, if its nodes are still the ones that run."""
    try:
        state: dict[str, Any] = json.loads(state_file().read_text())
    except (OSError, ValueError):
        return None
    return state if cgroup.processes() else None


def _remember(product: str) -> None:
    state = {"scenario": "single", "product": product}
    pending = state_file().with_suffix(".new")
    pending.write_text(json.dumps(state))
    pending.rename(state_file())
