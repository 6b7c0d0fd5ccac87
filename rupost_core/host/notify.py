"""Telling systemd that a service is ready (sd_notify(3), `Type=notify`)."""

from __future__ import annotations

import os
import socket


def ready() -> None:
    """Does nothing outside of a unit."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket, unix(7)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.connect(address)
        wire.sendall(b"READY=1")
