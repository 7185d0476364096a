"""One partition that is ours to read: its claim, where it stands, and what was handed over and not yet accepted."""

import asyncio

from sluice.ledger import Claim
from sluice_kafka.broker import Place

MOST_RECORDS = 4000
"""Records of one partition that may wait for acceptance. A read adds at most one more batch."""
MOST_BYTES = 4 * 1024 * 1024


class Partition:
    """`next` is read next; `accepted` is the position that the ledger has; `committed` what the group was told."""

    def __init__(self, place: Place, claim: Claim, start: int) -> None:
        self.place = place
        self.source = claim.key.source
        self.claim = claim
        self.next = start
        self.accepted = int(claim.position) if claim.position is not None else -1
        self.committed = -1
        self.offers: set[asyncio.Task[None]] = set()
        """Those without an answer yet."""
        self.offers_accepted = 0
        self.waiting_records = 0
        self.waiting_bytes = 0

    @property
    def has_room(self) -> bool:
        return self.waiting_records < MOST_RECORDS and self.waiting_bytes < MOST_BYTES

    @property
    def to_commit(self) -> int | None:
        return self.accepted if self.accepted not in (-1, self.committed) else None

    def handed_over(self, records: int, size: int, to: int) -> None:
        self.waiting_records += records
        self.waiting_bytes += size
        self.next = to

    def accept(self, to: int) -> None:
        self.accepted = to
        self.offers_accepted += 1

    def answered(self, records: int, size: int) -> None:
        self.waiting_records -= records
        self.waiting_bytes -= size
