"""The machine's side of the instances' networks: addresses, masquerading, and what instances may not reach. Needs root."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

from sluice_runner.forkserver.netlink import CREATE, REQUEST, Netlink, attribute, default_device, message, nested, text, used_networks

_NETFILTER = 12
_ACK = 0x4
_FIRST_NETWORK, _LAST_NETWORK = 200, 254
_INSTANCES = 16_384
_BATCH_BEGIN, _BATCH_END = 16, 17
_NFT = 10 << 8
_NEWTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE = 0, 2, 3, 6
_IPV4 = 2
_PAYLOAD_NETWORK, _SOURCE, _DESTINATION = 1, 12, 16
_META_OIFNAME = 7
_EQUAL, _NOT_EQUAL = 0, 1
_POSTROUTING, _FORWARD = 4, 2
_DROP = 0


class HostNetwork:
    """A /30 each for instances, out of one /16 of 10.0.0.0/8 that this machine does not use. `identity`: eight characters that name the
    data directory, so that what an earlier runner left is found by name."""

    def __init__(self, identity: str) -> None:
        self._table = f"sluice_{identity}"
        self._prefix = f"sl{identity[:6]}"
        self._network = _free_network(int(identity, 16))
        self._next = 0
        self._out = default_device()
        self._mtu = 1500

    def open(self) -> None:
        """Raises OSError if packets cannot be sent on from here."""
        if not self._out:
            raise OSError("this machine has no default route")
        self._mtu = int(Path(f"/sys/class/net/{self._out}/mtu").read_text())
        # Only for the device on which answers come back; the machine's other devices stay as they are.
        Path(f"/proc/sys/net/ipv4/conf/{self._out}/forwarding").write_text("1")
        with suppress(FileNotFoundError):
            self.close()
        _batch(self._new_table())

    def close(self) -> None:
        _batch([(_DELTABLE, 0, attribute(1, text(self._table)))])

    def plan(self) -> dict[str, Any]:
        """Addresses for the next instance. They come round again after 16,384."""
        number, self._next = self._next, (self._next + 1) % _INSTANCES
        base = f"10.{self._network}.{number >> 6}"
        last = (number & 63) * 4
        return {"device": f"{self._prefix}{number:x}", "mtu": self._mtu, "gateway": f"{base}.{last + 1}", "address": f"{base}.{last + 2}"}

    def _new_table(self) -> list[tuple[int, int, bytes]]:
        ours = bytes((10, self._network))
        table = attribute(1, text(self._table))
        from_ours = (_address(_SOURCE), _compare(_EQUAL, ours))
        leaves = (_out_name(), _compare(_NOT_EQUAL, self._prefix.encode()))
        to_ours = (_address(_DESTINATION), _compare(_EQUAL, ours))
        to_metadata = (_address(_DESTINATION), _compare(_EQUAL, bytes((169, 254))))
        return [
            (_NEWTABLE, CREATE, table),
            (_NEWCHAIN, CREATE, self._chain("out", "nat", _POSTROUTING, 100)),
            (_NEWCHAIN, CREATE, self._chain("pass", "filter", _FORWARD, -10)),
            (_NEWRULE, CREATE, self._rule("out", (*from_ours, *leaves, _expression("masq")))),
            (_NEWRULE, CREATE, self._rule("pass", (*from_ours, *to_ours, _drop()))),
            (_NEWRULE, CREATE, self._rule("pass", (*from_ours, *to_metadata, _drop()))),
        ]

    def _chain(self, name: str, kind: str, hook: int, priority: int) -> bytes:
        where = nested(4, attribute(1, struct.pack(">I", hook)), attribute(2, struct.pack(">i", priority)))
        return attribute(1, text(self._table)) + attribute(3, text(name)) + where + attribute(7, text(kind))

    def _rule(self, chain: str, expressions: tuple[bytes, ...]) -> bytes:
        return attribute(1, text(self._table)) + attribute(2, text(chain)) + nested(4, *expressions)


def _free_network(wish: int) -> int:
    used = used_networks()
    width = _LAST_NETWORK - _FIRST_NETWORK + 1
    for step in range(width):
        candidate = _FIRST_NETWORK + (wish + step) % width
        if 10 << 8 | candidate not in used:
            return candidate
    return _FIRST_NETWORK + wish % width


def _batch(commands: list[tuple[int, int, bytes]]) -> None:
    """All of the commands or none. Raises OSError with the first reason."""
    link = Netlink(_NETFILTER)
    begin = message(_BATCH_BEGIN, REQUEST, 0, struct.pack(">BBH", 0, 0, 10))
    end = message(_BATCH_END, REQUEST, len(commands) + 1, struct.pack(">BBH", 0, 0, 10))
    body = [
        message(_NFT | kind, REQUEST | _ACK | flags, sequence, struct.pack(">BBH", _IPV4, 0, 0) + payload)
        for sequence, (kind, flags, payload) in enumerate(commands, 1)
    ]
    try:
        link.send(b"".join([begin, *body, end]))
        for _ in commands:
            link.answer()
    finally:
        link.close()


def _expression(name: str, *data: bytes) -> bytes:
    return nested(1, attribute(1, text(name)), nested(2, *data))


def _address(offset: int) -> bytes:
    """The first two bytes of an address, into register 1."""
    parts = ((1, 1), (2, _PAYLOAD_NETWORK), (3, offset), (4, 2))
    return _expression("payload", *(attribute(kind, struct.pack(">I", value)) for kind, value in parts))


def _out_name() -> bytes:
    return _expression("meta", attribute(2, struct.pack(">I", _META_OIFNAME)), attribute(1, struct.pack(">I", 1)))


def _compare(operation: int, value: bytes) -> bytes:
    register, how = attribute(1, struct.pack(">I", 1)), attribute(2, struct.pack(">I", operation))
    return _expression("cmp", register, how, nested(3, attribute(1, value)))


def _drop() -> bytes:
    verdict = nested(2, nested(2, attribute(1, struct.pack(">i", _DROP))))
    return _expression("immediate", attribute(1, struct.pack(">I", 0)), verdict)
