"""IP addresses of this network namespace, over rtnetlink(7): which there are, and adding one to the loopback."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Iterator

# linux/rtnetlink.h, linux/netlink.h, linux/if.h, linux/sockios.h
_NEW_ADDRESS, _GET_ADDRESS = 20, 22
_ERROR, _DONE = 2, 3
_REQUEST, _ACKNOWLEDGE, _DUMP, _CREATE, _REPLACE = 0x1, 0x4, 0x300, 0x400, 0x100
_ADDRESS, _LOCAL = 1, 2
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_NO_DETECTION = 0x02  # IFA_F_NODAD: usable at once
_HEADER = struct.Struct("=IHHII")
_ADDRESS_HEADER = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_LOOPBACK = "lo"


def own_addresses() -> list[str]:
    """Every address of every interface, IPv4 and IPv6, in text form."""
    with _netlink() as netlink:
        _send(netlink, _GET_ADDRESS, _REQUEST | _DUMP, _ADDRESS_HEADER.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
        found: list[str] = []
        while True:
            for kind, body in _messages(netlink.recv(65536)):
                if kind == _DONE:
                    return found
                address = _address_in(body)
                if kind == _NEW_ADDRESS and address not in found:
                    found.append(address)


def bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", _LOOPBACK.encode(), _UP_AND_RUNNING)
        fcntl.ioctl(any_socket, _SET_FLAGS, request)


def add_to_loopback(address: str) -> None:
    """Makes the address this host's own; raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    body = _ADDRESS_HEADER.pack(family, len(packed) * 8, _NO_DETECTION, 0, socket.if_nametoindex(_LOOPBACK))
    for kind in (_LOCAL, _ADDRESS):
        body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), kind) + packed
    with _netlink() as netlink:
        _send(netlink, _NEW_ADDRESS, _REQUEST | _ACKNOWLEDGE | _CREATE | _REPLACE, body)
        for kind, answer in _messages(netlink.recv(65536)):
            number = -struct.unpack_from("=i", answer)[0] if kind == _ERROR else 0
            if number:
                raise OSError(number, os.strerror(number), address)


def _netlink() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)


def _send(netlink: socket.socket, kind: int, flags: int, body: bytes) -> None:
    netlink.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, _flags, _number, _port = _HEADER.unpack_from(data)
        yield kind, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def _address_in(body: bytes) -> str:
    """IFA_LOCAL is the own address of a point-to-point link, where IFA_ADDRESS is the other end."""
    if len(body) < _ADDRESS_HEADER.size:
        return ""
    family = body[0]
    attributes: dict[int, bytes] = {}
    rest = body[_ADDRESS_HEADER.size :]
    while len(rest) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(rest)
        attributes[kind] = rest[_ATTRIBUTE.size : length]
        rest = rest[_aligned(max(length, _ATTRIBUTE.size)) :]
    packed = attributes.get(_LOCAL) or attributes.get(_ADDRESS, b"")
    return socket.inet_ntop(family, packed) if packed else ""


def _aligned(length: int) -> int:
    return (length + 3) & ~3
