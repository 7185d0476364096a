"""A Kinesis-compatible service through aiobotocore."""

import asyncio
import random
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.utils import parse_timestamp

from sluice.clock import Clock, SystemClock
from sluice.errors import SourceLost
from sluice.tls import client_context
from sluice_dis.faults_aiobotocore import EXPIRED, FAILURES, INVALID, NO_STREAM, THROTTLED, code_of, is_cut, translated
from sluice_dis.position import BEGINNING, Position
from sluice_dis.settings import DisSettings
from sluice_dis.stream import About, Fetch, IteratorExpired, NotHeld, Shard, ShardGone

CONNECT_S = 5
ANSWER_S = 15
FIRST_PAUSE_S = 0.2
"""After the first refusal to be asked so often; it doubles up to the last."""
LONGEST_PAUSE_S = 5.0
PATIENCE_S = 60.0
"""Being throttled for so long is a lost source."""
CONNECTIONS = 64
_GONE: Mapping[str, type[Exception]] = {NO_STREAM: ShardGone}

log = structlog.get_logger("sluice.dis")


class AiobotocoreStream:
    """One stream, as its settings name it."""

    def __init__(self, settings: DisSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._open = AsyncExitStack()
        self._client: Any = None

    async def connect(self) -> None:
        """Nothing is sent yet. Raises SourceRefused if `tls_ca` cannot be used."""
        settings = self._settings
        self._client = await self._open.enter_async_context(
            _session().create_client(
                "kinesis",
                endpoint_url=settings.endpoint,
                region_name=settings.region,
                aws_access_key_id=settings.access_key,
                aws_secret_access_key=settings.secret_key,
                verify=self._authority(),
                # Whoever repeats a request is in this module, and nowhere below it.
                config=AioConfig(
                    connect_timeout=CONNECT_S,
                    read_timeout=ANSWER_S,
                    max_pool_connections=CONNECTIONS,
                    retries={"total_max_attempts": 1},
                    parameter_validation=False,
                ),
            )
        )

    def _authority(self) -> str | None:
        """A file, as the driver wants it."""
        authority = self._settings.tls_ca
        if not authority:
            return None
        client_context(authority, "", "")
        if "-----BEGIN" not in authority:
            return authority
        file = Path(self._open.enter_context(tempfile.TemporaryDirectory()), "authority.pem")
        file.write_text(authority)
        return str(file)

    async def about(self) -> About:
        answer = await self._call("describe_stream_summary", StreamName=self._settings.stream_name)
        said = answer["StreamDescriptionSummary"]
        made_ms = round(said["StreamCreationTimestamp"] * 1000)
        return About(made_ms, said["RetentionPeriodHours"] * 3_600_000, self._now_ms(answer))

    def _now_ms(self, answer: Mapping[str, Any]) -> int:
        try:
            date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
            return int(parsedate_to_datetime(date).timestamp() * 1000)
        except (KeyError, ValueError):
            return int(self._clock.time() * 1000)

    async def shards(self) -> Sequence[Shard]:
        found: list[Shard] = []
        page: dict[str, Any] = {"StreamName": self._settings.stream_name}
        while True:
            answer = await self._call("list_shards", **page)
            found += map(_shard, answer["Shards"])
            if not answer.get("NextToken"):
                return found
            page = {"NextToken": answer["NextToken"]}

    async def after(self, shard: str, position: Position) -> str:
        if position == BEGINNING:
            return await self._iterator(shard, _GONE, ShardIteratorType="TRIM_HORIZON")
        if not position.after:
            return await self.since(shard, position.until_ms)
        return await self._numbered(shard, "AFTER_SEQUENCE_NUMBER", position.after)

    async def at(self, shard: str, sequence: str) -> str:
        return await self._numbered(shard, "AT_SEQUENCE_NUMBER", sequence)

    async def _numbered(self, shard: str, kind: str, sequence: str) -> str:
        expected = {**_GONE, INVALID: NotHeld}
        return await self._iterator(shard, expected, ShardIteratorType=kind, StartingSequenceNumber=sequence)

    async def since(self, shard: str, time_ms: int) -> str:
        return await self._iterator(shard, _GONE, ShardIteratorType="AT_TIMESTAMP", Timestamp=time_ms / 1000)

    async def latest(self, shard: str) -> str:
        return await self._iterator(shard, _GONE, ShardIteratorType="LATEST")

    async def _iterator(self, shard: str, expected: Mapping[str, type[Exception]], **where: Any) -> str:
        answer = await self._call("get_shard_iterator", expected, StreamName=self._settings.stream_name, ShardId=shard, **where)
        iterator: str = answer["ShardIterator"]
        return iterator

    async def read(self, iterator: str, most: int) -> Fetch:
        expected = {**_GONE, EXPIRED: IteratorExpired}
        answer = await self._call("get_records", expected, ShardIterator=iterator, Limit=most)
        return Fetch(answer["Records"], answer.get("NextShardIterator"), answer.get("MillisBehindLatest") or 0)

    async def close(self) -> None:
        self._client = None
        await self._open.aclose()
        self._open = AsyncExitStack()

    async def _call(self, operation: str, expected: Mapping[str, type[Exception]] | None = None, **arguments: Any) -> Any:
        """One request, again while the service only wants to be asked later. Errors of the `expected` codes are raised as these."""
        if self._client is None:
            raise SourceLost("not connected")
        call, cut = getattr(self._client, operation), False
        pause_s, until = FIRST_PAUSE_S, self._clock.monotonic() + PATIENCE_S
        while True:
            try:
                return await call(**arguments)
            except FAILURES as error:
                code = code_of(error)
                if expected and code in expected:
                    raise expected[code](code) from error
                if code in THROTTLED and self._clock.monotonic() < until:
                    log.info("throttled", stream=self._settings.stream_name, operation=operation, code=code)
                    await asyncio.sleep(pause_s * (0.5 + random.random()))  # noqa: S311 - spreads requests, guards nothing
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                elif is_cut(error) and not cut:
                    cut = True
                else:
                    raise translated(error, self._settings.endpoint, self._settings.stream_name) from error


@lru_cache(maxsize=1)
def _session() -> AioSession:
    """One for the process: it holds the description of the service, which takes a tenth of a second to read."""
    session = AioSession()
    # A time for each record would be made into an object and back.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_seconds)
    return session


def _seconds(told: Any) -> float:
    """Since the epoch. Services that are not Amazon's write texts too."""
    try:
        return float(told)
    except ValueError:
        return float(parse_timestamp(told).timestamp())


def _shard(told: Mapping[str, Any]) -> Shard:
    parents = (told.get("ParentShardId"), told.get("AdjacentParentShardId"))
    closed = bool(told.get("SequenceNumberRange", {}).get("EndingSequenceNumber"))
    return Shard(told["ShardId"], tuple(parent for parent in parents if parent), closed)
