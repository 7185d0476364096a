"""A MongoDB deployment through PyMongo."""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import structlog
from bson import Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from sluice.errors import SourceLost, SourceRefused
from sluice_mongo.calls import Calls
from sluice_mongo.changes import Batch, Change, Page
from sluice_mongo.connection import FAILURES, client, reopens, translated
from sluice_mongo.extended_pymongo import changes_of, found_of, from_extended
from sluice_mongo.position import Position, Snapshot, Time, time_of
from sluice_mongo.settings import MongoSettings
from sluice_mongo.stream_pymongo import Stream

CHUNK_BYTES = 1024 * 1024
"""What one read gives, or one change that is larger."""
CLOSE_S = 4.0
INVALIDATE = "invalidate"
ENDS = frozenset({"drop", "rename", "dropDatabase"})

T = TypeVar("T")

log = structlog.get_logger("sluice.mongo")


class PymongoChanges:
    """One namespace. `connect` begins with a new client each time."""

    def __init__(self, settings: MongoSettings, *, whole: bool = False) -> None:
        """`whole`: changes are wanted in all their parts, for a filter to look at."""
        self._settings = settings
        self._whole = whole
        self._calls = Calls()
        self._client: AsyncMongoClient[Any] | None = None
        self._session: AsyncClientSession | None = None
        self._stream: Stream | None = None
        self._waiting = memoryview(b"")
        """What came and was not read yet: documents, one behind the other."""
        self._at = Position(Time(0, 0))
        self._last_end = ""

    async def connect(self) -> None:
        self._client = client(self._settings)
        self._session = self._client.start_session(causal_consistency=False)
        await self._ask(self._client.admin.command("ping", session=self._session))

    async def now(self) -> Time:
        await self._ask(self._connected.admin.command("ping", session=self._session))
        return self._told_time()

    async def log_start(self) -> Time | None:
        """Asks the oplog, which needs the right to read `local`, and which a sharded cluster does not show."""
        try:
            entry = await self._calls.ask(self._connected.local["oplog.rs"].find_one({}, {"ts": 1}, sort=[("$natural", 1)]))
        except OperationFailure:
            return None
        except FAILURES as error:
            raise translated(error, self._settings.servers) from error
        first = entry and entry.get("ts")
        return Time(first.time, first.inc) if isinstance(first, Timestamp) else None

    async def open(self, position: Position | None) -> Position:
        await self._end_stream()
        self._waiting = memoryview(b"")
        self._stream = await self._ask(Stream.open(self._target, self._stage(position), self._session))
        if position is None:
            token = self._stream.token
            time = self._told_time()
            position = Position(time) if token is None else Position(time_of(token, time), token)
        self._at = position
        return position

    def _stage(self, position: Position | None) -> dict[str, Any]:
        """`startAfter` does for every token, also for one of an invalidation, which `resumeAfter` refuses."""
        settings = self._settings
        stage: dict[str, Any] = {"fullDocument": settings.full_document}
        if settings.full_document_before_change != "off":
            stage["fullDocumentBeforeChange"] = settings.full_document_before_change
        if position is not None and position.token is not None:
            stage["startAfter"] = from_extended(position.token)
        elif position is not None:
            stage["startAtOperationTime"] = Timestamp(*position.time)
        return stage

    async def read(self, most: int) -> Batch:
        if not self._waiting:
            try:
                self._waiting = memoryview(await self._calls.ask(self._open_stream.batch(most)))
            except FAILURES as error:
                if not reopens(error):
                    raise translated(error, self._settings.servers) from error
                log.info("stream_reopened", source=self._settings.namespace, error=type(error).__name__)
                await self.open(self._at)
        changes = self._chunk(most)
        self._at = self._reached(changes)
        ended = bool(changes) and changes[-1].operation == INVALIDATE
        if not ended and not self._waiting and not self._open_stream.alive:
            await self.open(self._at)
        return Batch(changes, self._at, (self._last_end or INVALIDATE) if ended else "")

    def _chunk(self, most: int) -> list[Change]:
        size = 0
        while size < min(CHUNK_BYTES, len(self._waiting)) and most > 0:
            size += int.from_bytes(self._waiting[size : size + 4], "little")
            most -= 1
        changes = changes_of(self._waiting[:size], self._whole, self._settings.metadata)
        self._waiting = self._waiting[size:]
        for change in changes:
            if change.operation in ENDS:
                self._last_end = change.operation
        return changes

    def _reached(self, changes: list[Change]) -> Position:
        """After the last change; after all that the server has looked at, once everything that came is read."""
        ended = bool(changes) and changes[-1].operation == INVALIDATE
        token = None if self._waiting or ended else self._open_stream.token
        if token is not None:
            return Position(time_of(token, changes[-1].time if changes else self._at.time), token)
        return changes[-1].after if changes else self._at

    async def page(self, snapshot: Snapshot, time: Time, most: int) -> Page:
        names = await self._collections()
        name = next((name for name in names if name >= snapshot.collection), None)
        if name is None:
            return Page((), None)
        found = await self._ask(self._documents(name, snapshot.after if name == snapshot.collection else None, most))
        changes = [found_of(document.raw, self._settings.db_name, name, time, self._whole) for document in found]
        if changes:
            return Page(changes, Snapshot(name, msgspec.json.decode(changes[-1].key)))
        following = next((other for other in names if other > name), None)
        return Page((), None if following is None else Snapshot(following))

    async def _collections(self) -> list[str]:
        """Views and what the server keeps for itself are left out."""
        if self._settings.collection_name:
            return [self._settings.collection_name]
        listing = self._connected[self._settings.db_name].list_collection_names(filter={"type": "collection"})
        names = await self._ask(listing)
        return sorted(name for name in names if not name.startswith("system."))

    async def _documents(self, name: str, after: dict[str, Any] | None, most: int) -> list[RawBSONDocument]:
        """In the order of `_id`, which may be of any type: only bounds of the index compare all of them."""
        collection: Any = self._database.get_collection(name, read_concern=ReadConcern("majority"))
        if after is None:
            return await _some(collection.find({}).sort("_id", 1).limit(most))
        last = from_extended(after)["_id"]
        found = await _some(collection.find({}).min([("_id", last)]).hint([("_id", 1)]).sort("_id", 1).limit(most + 1))
        return [document for document in found if document["_id"] != last]

    async def close(self) -> None:
        connected, self._client = self._client, None
        self._session = self._stream = None
        self._waiting = memoryview(b"")
        if connected is not None:
            await self._calls.end(connected.close(), CLOSE_S)

    async def _end_stream(self) -> None:
        await self._calls.settle(CLOSE_S)
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(*FAILURES):
                await self._calls.ask(stream.close())

    async def _ask(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await self._calls.ask(call)
        except FAILURES as error:
            raise translated(error, self._settings.servers) from error

    def _told_time(self) -> Time:
        told = self._session.operation_time if self._session is not None else None
        if told is None:
            raise SourceRefused(f"{self._settings.servers} has no change streams (they need a replica set): it tells no cluster time")
        return Time(told.time, told.inc)

    @property
    def _target(self) -> Any:
        return self._database[self._settings.collection_name] if self._settings.collection_name else self._database

    @property
    def _database(self) -> AsyncDatabase[RawBSONDocument]:
        options: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
        return self._connected.get_database(self._settings.db_name, codec_options=options)

    @property
    def _connected(self) -> AsyncMongoClient[Any]:
        if self._client is None:
            raise SourceLost("not connected")
        return self._client

    @property
    def _open_stream(self) -> Stream:
        if self._stream is None:
            raise SourceLost("no stream is open")
        return self._stream


async def _some(cursor: AsyncCursor[RawBSONDocument]) -> list[RawBSONDocument]:
    """What it finds, as far as that fits into a chunk; two at least, because the first may be known."""
    found: list[RawBSONDocument] = []
    size = 0
    async for document in cursor:
        found.append(document)
        size += len(document.raw)
        if size >= CHUNK_BYTES and len(found) > 1:
            break
    await cursor.close()
    return found
