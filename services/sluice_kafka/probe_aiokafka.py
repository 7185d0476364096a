"""A connection of our own beside the consumer's: the driver retries in silence, and hides a refused login as an unreachable broker."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, create_conn

from sluice.errors import SourceLost, SourceRefused
from sluice_kafka.connection import FAILURES, translated
from sluice_kafka.topics_aiokafka import Topics, TopicsRequest, made_anew, topics_of

CHECK_S = 2.0
"""How often topics are looked at. A broken connection is noticed at once."""
CONNECT_S = 5.0
TRIES = 3
TRY_AGAIN_S = 0.3
GONE = 2
"""A topic is gone when so many answers in a row do not know it: brokers that restart may not know it yet."""


class Probe:
    """Knows whether the cluster lets us in and has the topics."""

    def __init__(self, servers: Iterable[str], topics: Iterable[str], security: dict[str, Any]) -> None:
        self._servers = list(servers)
        self._topics = list(topics)
        self._security = security
        self.ids: dict[str, str] = {}
        """Of the topics, as of `check`; "" where the cluster gives none."""
        self._connection: AIOKafkaConnection | None = None
        self._closed = asyncio.Event()

    async def connect(self) -> None:
        """Reach any of the servers. A refusal of one is a refusal; raises SourceLost when none can be reached."""
        lost = SourceLost("no server is known")
        for server in self._servers:
            try:
                await self._connect_to(server)
            except FAILURES as error:
                reason = translated(error, server)
                if isinstance(reason, SourceRefused):
                    raise reason from error
                lost = reason
            else:
                return
        raise lost

    async def _connect_to(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._closed.clear()
        options = {**self._security, "request_timeout_ms": int(CONNECT_S * 1000)}
        self._connection = await create_conn(host.strip("[]"), int(port), on_close=self._on_close, **options)
        try:
            await self._topics_now()
        except BaseException:
            await self.close()
            raise

    async def check(self) -> None:
        """Raises SourceRefused, by name, for a topic that does not exist or may not be read; SourceLost for one that was made anew since
        the last check."""
        topics = await self._ask()
        if topics.missing:
            raise SourceRefused(_absent(topics.missing))
        before, self.ids = self.ids, topics.ids
        if anew := made_anew(before, topics.ids):
            raise SourceLost(f"deleted and made anew: {', '.join(sorted(anew))}", 0.0)

    async def watch(self) -> None:
        """Never returns: raises when the cluster is lost, refuses us, or no longer has a topic."""
        gone = 0
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), CHECK_S)
            try:
                await self.check()
                gone = 0
            except SourceRefused:
                gone += 1
                if gone >= GONE:
                    raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _on_close(self, _connection: AIOKafkaConnection, _reason: object) -> None:
        self._connection = None
        self._closed.set()

    async def _ask(self) -> Topics:
        for left in reversed(range(TRIES)):
            try:
                if self._connection is None:
                    await self.connect()
                return await self._topics_now()
            except SourceLost:
                if not left:
                    raise
            except FAILURES as error:
                await self.close()
                if not left:
                    raise translated(error, ", ".join(self._servers)) from error
            await asyncio.sleep(TRY_AGAIN_S)
        raise AssertionError("the last try returns or raises")

    async def _topics_now(self) -> Topics:
        if self._connection is None:
            raise errors.KafkaConnectionError("the connection was closed")
        topics = topics_of(await self._connection.send(TopicsRequest(self._topics)))
        self._servers += [server for server in topics.brokers if server not in self._servers]
        return topics


def _absent(topics: Sequence[str]) -> str:
    return f"no such topic: {', '.join(topics)}" if len(topics) == 1 else f"no such topics: {', '.join(topics)}"
