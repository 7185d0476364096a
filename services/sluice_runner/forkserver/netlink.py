"""Netlink messages: links, addresses and routes. Only what an instance's network needs."""

import os
import socket
import struct
from collections.abc import Iterator

NETLINK_ROUTE = 0
REQUEST, ACK, CREATE, EXCLUSIVE = 0x1, 0x4, 0x400, 0x200

_NEWLINK, _GETLINK, _NEWADDR, _NEWROUTE = 16, 18, 20, 24
_ERROR = 2
_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 3, 4, 18, 26, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_OIF, _RTA_GATEWAY = 4, 5
_INET_CONF, _CONF_FORWARDING = 1, 1
_IFF_UP = 1
_NESTED = 0x8000


class Netlink:
    """One conversation. It stays in the network namespace in which it was opened."""

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def ask(self, kind: int, flags: int, payload: bytes) -> bytes:
        """Send one message and return the payload of the answer. Raises OSError with the kernel's reason."""
        self._sequence += 1
        self._socket.send(message(kind, flags | REQUEST | ACK, self._sequence, payload))
        return self.answer()

    def send(self, data: bytes) -> None:
        self._socket.send(data)

    def answer(self) -> bytes:
        """The next answer: an acknowledgement is empty."""
        data = self._socket.recv(65_536)
        length, kind = struct.unpack_from("=IH", data)
        if kind != _ERROR:
            return data[16:length]
        (code,) = struct.unpack_from("=i", data, 16)
        if code:
            raise OSError(-code, os.strerror(-code))
        return b""


def message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    return _padded(struct.pack("=IHHII", 16 + len(payload), kind, flags, sequence, 0) + payload)


def attribute(kind: int, value: bytes) -> bytes:
    return _padded(struct.pack("=HH", 4 + len(value), kind) + value)


def nested(kind: int, *attributes: bytes) -> bytes:
    return attribute(kind | _NESTED, b"".join(attributes))


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def add_pair(host: Netlink, name: str, mtu: int, namespace: int) -> None:
    """A veth pair: `name` here, eth0 in the network namespace of the descriptor."""
    peer = _link() + attribute(_IFLA_IFNAME, text("eth0")) + attribute(_IFLA_MTU, _u32(mtu)) + attribute(_IFLA_NET_NS_FD, _u32(namespace))
    pair = nested(_IFLA_LINKINFO, attribute(_INFO_KIND, b"veth"), nested(_INFO_DATA, attribute(_VETH_PEER, peer)))
    payload = _link() + attribute(_IFLA_IFNAME, text(name)) + attribute(_IFLA_MTU, _u32(mtu)) + pair
    host.ask(_NEWLINK, CREATE | EXCLUSIVE, payload)


def index_of(link: Netlink, name: str) -> int:
    answer = link.ask(_GETLINK, 0, _link() + attribute(_IFLA_IFNAME, text(name)))
    (index,) = struct.unpack_from("=i", answer, 4)
    link.answer()  # the acknowledgement that follows
    return int(index)


def add_address(link: Netlink, index: int, address: str, prefix: int) -> None:
    raw = socket.inet_aton(address)
    payload = struct.pack("=BBBBI", socket.AF_INET, prefix, 0, 0, index) + attribute(_IFA_LOCAL, raw) + attribute(_IFA_ADDRESS, raw)
    link.ask(_NEWADDR, CREATE | EXCLUSIVE, payload)


def bring_up(link: Netlink, index: int, *, forwarding: bool = False) -> None:
    """Set a link up; with `forwarding` packets that arrive on it are passed on."""
    payload = struct.pack("=BxHiII", 0, 0, index, _IFF_UP, _IFF_UP)
    if forwarding:
        payload += nested(_IFLA_AF_SPEC, nested(socket.AF_INET, nested(_INET_CONF, attribute(_CONF_FORWARDING, _u32(1)))))
    link.ask(_NEWLINK, 0, payload)


def add_default_route(link: Netlink, index: int, gateway: str) -> None:
    table_main, protocol_boot, scope_universe, unicast = 254, 3, 0, 1
    payload = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, table_main, protocol_boot, scope_universe, unicast, 0)
    payload += attribute(_RTA_GATEWAY, socket.inet_aton(gateway)) + attribute(_RTA_OIF, _u32(index))
    link.ask(_NEWROUTE, CREATE, payload)


def default_device() -> str:
    """The device of this machine's default route, or ""."""
    return next((device for device, destination in _routes() if destination == 0), "")


def used_networks() -> set[int]:
    """First two bytes (as a number) of every network this machine has a route to."""
    return {socket.ntohl(destination) >> 16 for _, destination in _routes()}


def _routes() -> Iterator[tuple[str, int]]:
    with open("/proc/net/route") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            yield fields[0], int(fields[1], 16)


def _link() -> bytes:
    return bytes(16)


def _u32(value: int) -> bytes:
    return struct.pack("=I", value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
