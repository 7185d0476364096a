"""The messages that are here: how many of their records are open, and which can be forgotten. Pure."""

from collections.abc import Iterable

from sluice_obs.settings import BATCH


class Held:
    """A message is done with when all of its records are; then it waits, still counted, until the queue was told."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._of: dict[int, str] = {}
        self._done: list[str] = []
        self._tag = 0

    @property
    def records(self) -> int:
        """How many are open; a message that the queue was not yet told of counts as one."""
        return len(self._of) + len(self._done)

    def take(self, receipt: str, records: int) -> range:
        """The tags of a message's records; a message without any is done with."""
        tags = range(self._tag, self._tag + records)
        self._tag = tags.stop
        self._of.update(dict.fromkeys(tags, receipt))
        if records:
            self._open[receipt] = records
        else:
            self._done.append(receipt)
        return tags

    def answered(self, tag: int) -> bool:
        """Whether the message of this record is done with now."""
        receipt = self._of.pop(tag)
        self._open[receipt] -= 1
        if self._open[receipt]:
            return False
        del self._open[receipt]
        self._done.append(receipt)
        return True

    def due(self) -> list[list[str]]:
        """What the queue is to forget, in batches."""
        return batches(self._done)

    def forgotten(self, receipts: list[str]) -> None:
        """The queue was told. They are the foremost."""
        del self._done[: len(receipts)]

    def still_open(self) -> list[list[str]]:
        """What is not done with, in batches."""
        return batches(self._open)


def batches(receipts: Iterable[str]) -> list[list[str]]:
    every = list(receipts)
    return [every[start : start + BATCH] for start in range(0, len(every), BATCH)]
