"""The messages of one connection that are open, and what may be answered for those that are done. Pure."""

from collections import deque
from typing import NamedTuple


class Delivery(NamedTuple):
    """`packet` is the server's number for it, 0 for quality of service 0."""

    packet: int
    qos: int
    size: int


class Deliveries:
    """Tags count from 1. The protocol wants answers in the order in which the messages came (MQTT 5, 4.6)."""

    def __init__(self) -> None:
        self._open: dict[int, Delivery] = {}
        self._order: deque[tuple[int, Delivery]] = deque()
        self._packets: set[int] = set()
        self._received: set[int] = set()
        self._tag = 0
        self.size = 0
        """Bytes of all that are open."""

    @property
    def unanswered(self) -> int:
        """Those that are open, and those that are done behind one that is: all would come again if the connection broke now."""
        return len(self._order)

    def begin(self, delivery: Delivery) -> int:
        """The tag of a message that came; 0 if it is here already, and not to be handed over a second time."""
        if delivery.packet and delivery.packet in self._packets:
            return 0
        self._tag += 1
        self._open[self._tag] = delivery
        self._order.append((self._tag, delivery))
        if delivery.packet:
            self._packets.add(delivery.packet)
        self.size += delivery.size
        return self._tag

    def done(self, tag: int) -> list[Delivery]:
        """What can be answered now, in order."""
        delivery = self._open.pop(tag, None)
        if delivery is None:
            return []
        self.size -= delivery.size
        answers = []
        while self._order and self._order[0][0] not in self._open:
            answers.append(self._order.popleft()[1])
        for answer in answers:
            (self._received.add if answer.qos == 2 else self._packets.discard)(answer.packet)
        return answers

    def scattered(self) -> list[Delivery]:
        """Those that are done although one before them is still open. A server finds a message by its number, whatever the order; so at the
        end of a connection these are answered too, for they would come twice."""
        return [delivery for tag, delivery in self._order if tag not in self._open]

    def is_received(self, packet: int) -> bool:
        """Whether this one of quality of service 2 was answered, and the server has not yet said that it knows."""
        return packet in self._received

    def release(self, packet: int) -> None:
        """The server knows that we have it, and may use its number anew."""
        self._received.discard(packet)
        self._packets.discard(packet)
