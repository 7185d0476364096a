"""Which replies of a runner are safe at the dispatcher's end, so that the runner may forget them. Pure."""

from collections.abc import Iterable

from sluice.wire.held import Key


class Receipts:
    """Replies come in numbered responses; one is acknowledged when each of its replies and all before it are settled."""

    def __init__(self) -> None:
        self._responses: dict[Key, int] = {}
        self._unsettled: dict[int, int] = {}
        self.acknowledged = 0
        """The last response of this stream of which the runner may forget everything."""

    def __len__(self) -> int:
        return len(self._responses)

    def reconnected(self) -> list[Key]:
        """A new stream numbers anew. The replies that are not settled yet: the runner has to keep them."""
        self._unsettled.clear()
        self.acknowledged = 0
        self._responses = dict.fromkeys(self._responses, 0)
        return list(self._responses)

    def forget(self) -> None:
        """The runner that gave them has gone."""
        self._responses.clear()
        self._unsettled.clear()

    def arrived(self, number: int, keys: Iterable[Key]) -> None:
        """A response with the replies to `keys`, in the order of the numbers."""
        count = 0
        for key in keys:
            self._responses[key] = number
            count += 1
        self._unsettled[number] = count

    def knows(self, key: Key) -> bool:
        """Whether the reply is here and not settled."""
        return key in self._responses

    def settle(self, key: Key) -> None:
        number = self._responses.pop(key, 0)
        if number not in self._unsettled:
            return
        self._unsettled[number] -= 1
        while self._unsettled:
            first = next(iter(self._unsettled))
            if self._unsettled[first]:
                return
            del self._unsettled[first]
            self.acknowledged = first
