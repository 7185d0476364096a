"""One change stream of the driver, read by whole batches.

The driver's own `watch` gives one change at a time and begins again by itself. Here a batch is one step, what it says of the position is
seen, and beginning again is ours.
"""

from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_cursor import AsyncCommandCursor

from sluice_mongo.extended_pymongo import canonical

AWAIT_MS = 1_000
"""How long the server waits for a change before it answers that there is none."""
FIRST_BATCH = 100


class Stream:
    """`target` is a collection or a database."""

    def __init__(self, cursor: AsyncCommandCursor[Any]) -> None:
        self._cursor = cursor

    @staticmethod
    async def open(target: Any, stage: dict[str, Any], session: AsyncClientSession | None) -> "Stream":
        pipeline = [{"$changeStream": stage}]
        # Only for a collection does the driver hand on what came as it came, which costs a third less.
        begin = target.aggregate_raw_batches if isinstance(target, AsyncCollection) else target.aggregate
        cursor: Any = await begin(pipeline, session=session, batchSize=FIRST_BATCH, maxAwaitTimeMS=AWAIT_MS)
        return Stream(cursor)

    async def batch(self, most: int) -> bytes:
        """What the server gives next, one document behind the other: at most 16 MiB."""
        self._cursor.batch_size(most)
        found: list[bytes | RawBSONDocument] = []
        await self._cursor._next_batch(found)
        return b"".join([part if isinstance(part, bytes) else part.raw for part in found])

    @property
    def token(self) -> dict[str, Any] | None:
        """After everything that the server had looked at for the last batch; None from a server that does not tell."""
        token = self._cursor._post_batch_resume_token
        return None if token is None else canonical(token)

    @property
    def alive(self) -> bool:
        return self._cursor.alive

    async def close(self) -> None:
        await self._cursor.close()
