"""A MongoDB that speaks the real protocol (OP_MSG) to the real driver, and does what no server to be had here does: database streams,
tokens while idle, tokens that are lost, invalidations, pre-images, logins, TLS, failures on demand.

    python -m tests.conformance.mongo_fake PORT JOURNAL [PASSWORD]

runs one in a process of its own that keeps what it has in a file.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import secrets
import ssl
import struct
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bson
from bson import Int64, Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
LONGEST = 16 * 1024 * 1024
BATCH = 101
ITERATIONS = 4096

AS_IT_CAME: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument, unicode_decode_error_handler="replace")
"""Documents keep bytes that are no text."""
PLAIN: CodecOptions[Any] = CodecOptions()

Document = dict[str, Any]
Reply = Mapping[str, Any]


class Refused(Exception):
    """An answer with an error code."""

    def __init__(self, code: int, name: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.reply = {"ok": 0.0, "code": code, "codeName": name, "errmsg": f"the fake says {name}", "errorLabels": list(labels)}


@dataclass
class Entry:
    """One entry of the log. Without an operation it is one that no stream shows."""

    time: Timestamp
    token: str
    operation: str = ""
    database: str = ""
    collection: str = ""
    key: Document = field(default_factory=dict)
    document: Document | RawBSONDocument | None = None
    more: Document = field(default_factory=dict)
    before: Document | RawBSONDocument | None = None

    def is_of(self, database: str, collection: str) -> bool:
        if self.database != database or not self.operation:
            return False
        return not collection or self.collection == collection or self.operation == "dropDatabase" or self._becomes(collection)

    def _becomes(self, collection: str) -> bool:
        return self.operation == "rename" and bool(self.more["to"]["coll"] == collection)

    def ends(self, collection: str) -> bool:
        return self.operation == "dropDatabase" or (bool(collection) and self.operation in ("drop", "rename"))


@dataclass
class Cursor:
    """One stream: what it reads, and how far it is in the log."""

    database: str
    collection: str
    options: Document
    next: int
    owes_end: Entry | None = None
    """An invalidation that is still to be given."""
    over: bool = False


class FakeMongo:
    """A replica set of one. Methods do what a client could do, without one."""

    def __init__(self, journal: Path | None = None, password: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.password = password
        """Of the user `rwuser`; "": nobody has to log in."""
        self.is_replica_set = True
        self.refusals: dict[str, list[Refused]] = {}
        """By command: raised once each."""
        self.commands: list[tuple[str, Document]] = []
        """Those that streams and snapshots are made of, as they came."""
        self._journal_path = journal
        self._tls = tls
        self._log: list[Entry] = []
        self._first = 0
        self._tables: dict[tuple[str, str], dict[bytes, Document | RawBSONDocument]] = {}
        self._cursors: dict[int, Cursor] = {}
        self._ids = itertools.count(1000)
        self._written = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._journal: Any = None

    # what runs

    async def start(self, port: int = 0) -> None:
        if self._journal_path is not None:
            self._restore(self._journal_path)
            self._journal = self._journal_path.open("ab")
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port, ssl=self._tls, limit=LONGEST * 4)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Every connection breaks, and none is accepted; `start` is there again under the same port with what it had."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._cursors.clear()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    # what a test does

    def insert(self, namespace: str, *documents: Document) -> None:
        database, _, collection = namespace.partition(".")
        for document in documents:
            self._insert(database, collection, document)
        self._wake()

    def insert_together(self, namespace: str, *documents: Document) -> None:
        """In one transaction: all have the same cluster time."""
        database, _, collection = namespace.partition(".")
        moment = self._moment()
        for document in documents:
            self._insert(database, collection, document, moment)
        self._wake()

    def pass_by(self) -> None:
        """Something is written that no stream shows."""
        self._append(Entry(*self._place()))
        self._wake()

    def drop(self, namespace: str) -> None:
        database, _, collection = namespace.partition(".")
        if collection:
            self._tables.pop((database, collection), None)
        else:
            self._tables = {name: table for name, table in self._tables.items() if name[0] != database}
        self._append(Entry(*self._place(), "drop" if collection else "dropDatabase", database, collection))
        self._wake()

    def rename(self, namespace: str, to: str) -> None:
        database, _, collection = namespace.partition(".")
        self._tables[database, to] = self._tables.pop((database, collection), {})
        self._append(Entry(*self._place(), "rename", database, collection, more={"to": {"db": database, "coll": to}}))
        self._wake()

    def truncate(self, keep: int) -> None:
        """The log forgets all but its last entries."""
        self._first = len(self._log) - keep

    def refuse(self, command: str, code: int, name: str, *labels: str) -> None:
        """Answer the next such command with an error."""
        self.refusals.setdefault(command, []).append(Refused(code, name, labels))

    def kill_cursors(self) -> None:
        self._cursors.clear()

    @property
    def token(self) -> Document:
        """After everything in the log."""
        return {"_data": self._log[-1].token if self._log else _token(Timestamp(1, 1), 0)}

    @property
    def time(self) -> Timestamp:
        return self._log[-1].time if self._log else Timestamp(1, 1)

    def tokens(self) -> list[str]:
        return [entry.token for entry in self._log]

    # the log

    def _insert(self, database: str, collection: str, document: Document | RawBSONDocument, moment: Timestamp | None = None) -> None:
        key = {"_id": document["_id"]}
        name = bson.encode(key)
        table = self._tables.setdefault((database, collection), {})
        if name in table:
            raise Refused(11000, "DuplicateKey")
        table[name] = document
        self._append(Entry(*self._place(moment), "insert", database, collection, key, document))

    def _update(self, database: str, collection: str, statement: Document) -> int:
        table = self._tables.setdefault((database, collection), {})
        changed = 0
        for name, old in list(table.items()):
            if any(old.get(path) != value for path, value in statement["q"].items()):
                continue
            change = statement["u"]
            partial = "$set" in change
            new = {**old, **change["$set"]} if partial else {"_id": old["_id"], **change}
            table[name] = new
            more = {"updateDescription": {"updatedFields": change["$set"], "removedFields": [], "truncatedArrays": []}} if partial else {}
            kind = "update" if partial else "replace"
            entry = Entry(*self._place(), kind, database, collection, {"_id": old["_id"]}, None if partial else new, more, old)
            self._append(entry)
            changed += 1
            if not statement.get("multi"):
                break
        return changed

    def _delete(self, database: str, collection: str, statement: Document) -> int:
        table = self._tables.setdefault((database, collection), {})
        matching = [name for name, old in table.items() if all(old.get(path) == value for path, value in statement["q"].items())]
        for name in matching[: statement["limit"] or None]:
            old = table.pop(name)
            self._append(Entry(*self._place(), "delete", database, collection, {"_id": old["_id"]}, before=old))
        return len(matching)

    def _moment(self) -> Timestamp:
        return Timestamp(max(int(time.time()), self.time.time), len(self._log) + 1)

    def _place(self, moment: Timestamp | None = None) -> tuple[Timestamp, str]:
        moment = moment or self._moment()
        return moment, _token(moment, len(self._log))

    def _append(self, entry: Entry) -> None:
        self._log.append(entry)
        if self._journal is not None:
            self._journal.write(bson.encode(vars(entry)))

    def _wake(self) -> None:
        if self._journal is not None:
            self._journal.flush()
        self._written.set()
        self._written = asyncio.Event()

    def _restore(self, journal: Path) -> None:
        if not journal.exists():
            return
        data = journal.read_bytes()
        at = 0
        # The last one may have been cut off by a kill; nobody was told that it was written.
        while at + 4 <= len(data) and at + (size := struct.unpack_from("<i", data, at)[0]) <= len(data):
            entry = Entry(**_entry(data[at : at + size]))
            self._log.append(entry)
            if entry.operation == "insert" and entry.document is not None:
                self._tables.setdefault((entry.database, entry.collection), {})[bson.encode(entry.key)] = entry.document
            at += size
        with journal.open("r+b") as file:
            file.truncate(at)

    # streams

    def _stream(self, database: str, collection: str, options: Document) -> Cursor:
        if not self.is_replica_set:
            raise Refused(40573, "Location40573")
        if "resumeAfter" in options or "startAfter" in options:
            data = (options.get("startAfter") or options["resumeAfter"]).get("_data")
            if not isinstance(data, str) or not data.startswith("82") or len(data) < 18:
                raise Refused(260, "InvalidResumeToken")
            self._check_held(Timestamp(int(data[2:10], 16), int(data[10:18], 16)))
            if "resumeAfter" in options and data.endswith("FF"):
                raise Refused(260, "InvalidResumeToken")
            return self._after(Cursor(database, collection, options, 0), data)
        if "startAtOperationTime" in options:
            moment = options["startAtOperationTime"]
            self._check_held(moment)
            return Cursor(database, collection, options, bisect_left(self._log, moment, key=lambda entry: entry.time))
        return Cursor(database, collection, options, len(self._log))

    def _check_held(self, moment: Timestamp) -> None:
        if self._first and moment < self._log[self._first].time:
            raise Refused(286, "ChangeStreamHistoryLost")

    def _after(self, cursor: Cursor, data: str) -> Cursor:
        cursor.next = bisect_right(self._log, data.removesuffix("FF"), key=lambda entry: entry.token)
        last = self._log[cursor.next - 1] if cursor.next else None
        if last is not None and last.token == data and last.is_of(cursor.database, cursor.collection) and last.ends(cursor.collection):
            cursor.owes_end = last
        return cursor

    def _advance(self, cursor: Cursor, most: int) -> list[Document | RawBSONDocument]:
        found: list[Document | RawBSONDocument] = []
        size = 0
        while len(found) < most and size < LONGEST // 2 and not cursor.over:
            if cursor.owes_end is not None:
                found.append(_invalidation(cursor.owes_end))
                cursor.over = True
            elif cursor.next < len(self._log):
                entry = self._log[cursor.next]
                cursor.next += 1
                if entry.is_of(cursor.database, cursor.collection):
                    event = RawBSONDocument(bson.encode(self._event(entry, cursor.options)))
                    size += len(event.raw)
                    found.append(event)
                    cursor.owes_end = entry if entry.ends(cursor.collection) else None
            else:
                break
        return found

    def _event(self, entry: Entry, options: Document) -> Document:
        event: Document = {"_id": {"_data": entry.token}, "operationType": entry.operation, "clusterTime": entry.time}
        event["ns"] = {"db": entry.database, "coll": entry.collection} if entry.collection else {"db": entry.database}
        if entry.key:
            event["documentKey"] = entry.key
        if entry.document is not None:
            event["fullDocument"] = entry.document
        elif entry.operation == "update" and options.get("fullDocument") == "updateLookup":
            event["fullDocument"] = self._tables.get((entry.database, entry.collection), {}).get(bson.encode(entry.key))
        if options.get("fullDocumentBeforeChange") and entry.before is not None:
            event["fullDocumentBeforeChange"] = entry.before
        return event | entry.more

    def _reached(self, cursor: Cursor) -> Document:
        """The token after what was looked at."""
        if cursor.over and cursor.owes_end is not None:
            return {"_data": cursor.owes_end.token + "FF"}
        entry = self._log[cursor.next - 1] if cursor.next else None
        return {"_data": entry.token if entry is not None else _token(Timestamp(1, 1), 0)}

    # commands

    async def _answer(self, command: Document, login: "Login") -> Reply:
        verb = next(iter(command))
        if waiting := self.refusals.get(verb):
            raise waiting.pop(0)
        if verb.lower() in ("hello", "ismaster"):
            return self._hello(command)
        if verb in ("saslStart", "saslContinue"):
            return login.step(command)
        if self.password and not login.done:
            raise Refused(13, "Unauthorized")
        handlers: dict[str, Callable[[Document], Any]] = {
            "aggregate": self._aggregate,
            "getMore": self._get_more,
            "find": self._find,
            "listCollections": self._list_collections,
            "insert": self._insert_command,
            "update": self._update_command,
            "delete": self._delete_command,
        }
        if verb in ("ping", "endSessions", "killCursors", "buildInfo"):
            return {"ok": 1.0}
        if verb not in handlers:
            raise Refused(59, "CommandNotFound")
        answer = handlers[verb](command)
        reply: Reply = await answer if asyncio.iscoroutine(answer) else answer
        return reply

    def _hello(self, command: Document) -> Reply:
        reply: Document = {
            "ok": 1.0,
            "helloOk": True,
            "ismaster": True,
            "isWritablePrimary": True,
            "maxBsonObjectSize": LONGEST,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "logicalSessionTimeoutMinutes": 30,
        }
        if self.is_replica_set:
            reply |= {"setName": "rs0", "setVersion": 1, "hosts": [self.address], "primary": self.address, "me": self.address}
        if "saslSupportedMechs" in command:
            reply["saslSupportedMechs"] = ["SCRAM-SHA-256"]
        return reply

    async def _aggregate(self, command: Document) -> Reply:
        self.commands.append(("aggregate", command))
        collection = command["aggregate"] if isinstance(command["aggregate"], str) else ""
        cursor = self._stream(command["$db"], collection, command["pipeline"][0]["$changeStream"])
        number = next(self._ids)
        self._cursors[number] = cursor
        return self._batch(number, cursor, "firstBatch", command["cursor"].get("batchSize", BATCH))

    async def _get_more(self, command: Document) -> Reply:
        number = command["getMore"]
        cursor = self._cursors.get(number)
        if cursor is None:
            raise Refused(43, "CursorNotFound", ["ResumableChangeStreamError"])
        reply = self._batch(number, cursor, "nextBatch", command.get("batchSize", BATCH))
        deadline = time.monotonic() + command.get("maxTimeMS", 1000) / 1000
        while not reply["cursor"]["nextBatch"] and not cursor.over and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), left)
            if self._server is None:
                raise ConnectionError("the server ends")
            if number not in self._cursors:
                raise Refused(43, "CursorNotFound", ["ResumableChangeStreamError"])
            reply = self._batch(number, cursor, "nextBatch", command.get("batchSize", BATCH))
        return reply

    def _batch(self, number: int, cursor: Cursor, name: str, most: int) -> Document:
        events = self._advance(cursor, most)
        if cursor.over:
            self._cursors.pop(number, None)
        namespace = f"{cursor.database}.{cursor.collection or '$cmd.aggregate'}"
        told: Document = {"id": Int64(0 if cursor.over else number), "ns": namespace, name: events}
        return {"ok": 1.0, "cursor": told | {"postBatchResumeToken": self._reached(cursor)}}

    def _find(self, command: Document) -> Reply:
        namespace = f"{command['$db']}.{command['find']}"
        found: list[Any]
        if namespace == "local.oplog.rs":
            found = [{"ts": entry.time} for entry in self._log[self._first : self._first + 1]]
        else:
            self.commands.append(("find", command))
            table = self._tables.get((command["$db"], command["find"]), {})
            found = sorted(table.values(), key=lambda document: _order(document["_id"]))
            if "min" in command:
                found = [document for document in found if _order(document["_id"]) >= _order(command["min"]["_id"])]
            found = found[: command.get("limit") or None]
        return {"ok": 1.0, "cursor": {"id": Int64(0), "ns": namespace, "firstBatch": found}}

    def _list_collections(self, command: Document) -> Reply:
        names = [name for database, name in self._tables if database == command["$db"]]
        found = [{"name": name, "type": "collection"} for name in names]
        return {"ok": 1.0, "cursor": {"id": Int64(0), "ns": f"{command['$db']}.$cmd.listCollections", "firstBatch": found}}

    def _insert_command(self, command: Document) -> Reply:
        errors = []
        for index, document in enumerate(command["documents"]):
            try:
                self._insert(command["$db"], command["insert"], document)
            except Refused as refused:
                errors.append({"index": index, "code": refused.reply["code"], "errmsg": refused.reply["errmsg"]})
                if command.get("ordered", True):
                    break
        self._wake()
        return {"ok": 1.0, "n": len(command["documents"]) - len(errors)} | ({"writeErrors": errors} if errors else {})

    def _update_command(self, command: Document) -> Reply:
        changed = sum(self._update(command["$db"], command["update"], statement) for statement in command["updates"])
        self._wake()
        return {"ok": 1.0, "n": changed, "nModified": changed}

    def _delete_command(self, command: Document) -> Reply:
        deleted = sum(self._delete(command["$db"], command["delete"], statement) for statement in command["deletes"])
        self._wake()
        return {"ok": 1.0, "n": deleted}

    # the wire

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        login = Login(self.password)
        try:
            while self._server is not None:
                length, request, _, opcode = struct.unpack("<iiii", await reader.readexactly(16))
                body = await reader.readexactly(length - 16)
                writer.write(await self._reply_to(opcode, request, body, login))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass  # the other side is gone, or the test is over
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _reply_to(self, opcode: int, request: int, body: bytes, login: "Login") -> bytes:
        try:
            answer = await self._answer(_query(body) if opcode == OP_QUERY else _message(body), login)
        except Refused as refused:
            answer = refused.reply
        encoded = bson.encode({**answer, "operationTime": self.time})
        if opcode == OP_QUERY:
            return _packet(OP_REPLY, request, struct.pack("<iqii", 8, 0, 0, 1) + encoded)
        return _packet(OP_MSG, request, b"\0\0\0\0\0" + encoded)


class Login:
    """SCRAM-SHA-256, the server's half, of one connection."""

    def __init__(self, password: str) -> None:
        self.done = False
        self._password = password
        self._salt = secrets.token_bytes(16)
        self._said = ""
        self._nonce = ""

    def step(self, command: Document) -> Reply:
        payload = command["payload"].decode()
        answer, self.done = (self._first(payload), False) if "saslStart" in command else (self._last(payload), True)
        return {"ok": 1.0, "conversationId": 1, "done": self.done, "payload": answer.encode()}

    def _first(self, payload: str) -> str:
        bare = payload.removeprefix("n,,")
        self._nonce = dict(part.split("=", 1) for part in bare.split(","))["r"] + secrets.token_hex(12)
        answer = f"r={self._nonce},s={base64.b64encode(self._salt).decode()},i={ITERATIONS}"
        self._said = f"{bare},{answer}"
        return answer

    def _last(self, payload: str) -> str:
        bare, _, proof = payload.rpartition(",p=")
        salted = hashlib.pbkdf2_hmac("sha256", self._password.encode(), self._salt, ITERATIONS)
        said = f"{self._said},{bare}".encode()
        client = _mac(salted, b"Client Key")
        expected = bytes(a ^ b for a, b in zip(client, _mac(hashlib.sha256(client).digest(), said), strict=True))
        if not self._password or base64.b64decode(proof) != expected:
            raise Refused(18, "AuthenticationFailed")
        return f"v={base64.b64encode(_mac(_mac(salted, b'Server Key'), said)).decode()}"


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")


def _token(moment: Timestamp, number: int) -> str:
    """Begins as MongoDB's do, and grows with the log."""
    return f"82{moment.time:08X}{moment.inc:08X}{number:08X}"


def _order(identifier: Any) -> tuple[int, Any]:
    """The order of `_id` across types, for those that tests use."""
    kinds: Sequence[type] = (int, str, bson.ObjectId)
    return next(number for number, kind in enumerate(kinds) if isinstance(identifier, kind)), identifier


def _invalidation(entry: Entry) -> Document:
    return {"_id": {"_data": entry.token + "FF"}, "operationType": "invalidate", "clusterTime": entry.time}


def _entry(data: bytes) -> Document:
    fields = dict(RawBSONDocument(data, AS_IT_CAME))
    return fields | {name: bson.decode(fields[name].raw) for name in ("key", "more")}


def _packet(opcode: int, request: int, body: bytes) -> bytes:
    return struct.pack("<iiii", 16 + len(body), 1, request, opcode) + body


def _query(body: bytes) -> Document:
    """The command of an OP_QUERY: behind flags, the name of a collection, and two numbers."""
    return bson.decode(body[body.index(0, 4) + 9 :])


def _message(body: bytes) -> Document:
    """The command of an OP_MSG, its sequences of documents put in."""
    command: Document = {}
    sequences: Document = {}
    for name, documents in _sections(body):
        if name:
            sequences[name] = documents
        else:
            command = documents[0]
    return command | sequences


def _sections(body: bytes) -> Iterator[tuple[str, list[Document]]]:
    at = 4
    while at < len(body):
        kind, at = body[at], at + 1
        end = at + struct.unpack_from("<i", body, at)[0]
        if kind == 0:
            yield "", [bson.decode(body[at:end])]
        else:
            start = body.index(0, at + 4)
            name = body[at + 4 : start].decode()
            documents: Any = bson.decode_all(body[start + 1 : end], AS_IT_CAME if name == "documents" else PLAIN)
            yield name, documents
        at = end


@contextlib.asynccontextmanager
async def fake_mongo(**options: Any) -> AsyncIterator[FakeMongo]:
    fake = FakeMongo(**options)
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


async def main(port: int, journal: Path, password: str) -> None:
    await FakeMongo(journal, password).start(port)
    print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), "".join(sys.argv[3:])))
