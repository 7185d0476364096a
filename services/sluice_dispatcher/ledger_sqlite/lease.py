"""The lease of the lane shards, checked in every transaction: a stale owner changes nothing.

The embedded ledger has one owner, which holds all shards; so one row answers for all of them.
"""

import os

import apsw

from sluice.errors import AlreadyRunning

_READ = "SELECT epoch, owner, lease_until FROM shard WHERE id = 0"
_EPOCH = "SELECT epoch FROM shard WHERE id = 0"
_TAKE = "UPDATE shard SET owner = ?, epoch = ?, lease_until = ?"
_RENEW = "UPDATE shard SET lease_until = ?"


class Lease:
    """Taken at open. `take` refuses while another owner's lease runs, unless its process is known to be gone."""

    def __init__(self, connection: apsw.Connection, duration_s: float) -> None:
        self._connection = connection
        self._duration_s = duration_s
        self.owner = f"process {os.getpid()}"
        self.epoch = 0
        self.until = 0.0

    def take(self, now: float, *, alone: bool) -> None:
        """`alone`: the data directory's lock is ours, so no other process can be at work. Raises AlreadyRunning."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            epoch, owner, until = self._connection.execute(_READ).get
            if not alone and until > now:
                raise AlreadyRunning(f"{owner} holds the ledger for {until - now:.0f} s more")
            self.epoch, self.until = epoch + 1, now + self._duration_s
            self._connection.execute(_TAKE, (self.owner, self.epoch, self.until))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def verify(self, now: float) -> None:
        """Inside a transaction; renews the lease when half of it is over. Raises AlreadyRunning if somebody else has taken the ledger."""
        if self._connection.execute(_EPOCH).get != self.epoch:
            _, owner, _ = self._connection.execute(_READ).get
            raise AlreadyRunning(f"{owner} has taken the ledger over while this process stood still; nothing was changed")
        if now > self.until - self._duration_s / 2:
            self.until = now + self._duration_s
            self._connection.execute(_RENEW, (self.until,))
