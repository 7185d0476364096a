"""A producer of a test's own on a Kinesis-compatible service, and a look at a shard from outside: the blocking client, not the one that
the trigger uses."""

import secrets
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config

from tests.servers import Moto

MOST = 500
"""Records of one request."""
MOST_BYTES = 4 * 1024 * 1024


class Producer:
    """A stream of its own."""

    def __init__(self, moto: Moto, shards: int = 1) -> None:
        self.stream = f"clicks-{secrets.token_hex(4)}"
        self._moto = moto
        self.client: Any = boto3.client(
            "kinesis",
            endpoint_url=moto.endpoint,
            region_name=moto.region,
            aws_access_key_id=moto.access_key,
            aws_secret_access_key=moto.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.create(shards)

    def create(self, shards: int = 1) -> None:
        self.client.create_stream(StreamName=self.stream, ShardCount=shards)

    def settings(self, **more: object) -> dict[str, object]:
        moto = self._moto
        login = {"endpoint": moto.endpoint, "region": moto.region, "access_key": moto.access_key, "secret_key": moto.secret_key}
        return {"stream_name": self.stream, "sharditerator_type": "TRIM_HORIZON", **login, **more}

    def put(self, *values: bytes, key: str = "k") -> None:
        self.put_keyed([(key, value) for value in values])

    def put_keyed(self, records: Sequence[tuple[str, bytes]]) -> None:
        """In this order; all have arrived when it returns."""
        batch: list[dict[str, object]] = []
        size = 0
        for key, value in records:
            if batch and (len(batch) == MOST or size + len(value) > MOST_BYTES):
                self._send(batch)
                batch, size = [], 0
            batch.append({"PartitionKey": key, "Data": value})
            size += len(value)
        if batch:
            self._send(batch)

    def _send(self, batch: Sequence[dict[str, object]]) -> None:
        answer = self.client.put_records(StreamName=self.stream, Records=batch)
        assert answer["FailedRecordCount"] == 0, answer

    def source(self, shard: int = 0) -> str:
        """What Sluice calls a shard."""
        made = self.client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
        return f"{self.stream}#{round(made.timestamp() * 1000)}/shardId-{shard:012}"

    def last(self, shard: int = 0) -> tuple[str, int]:
        """Sequence number and time (ms) of the last record."""
        start = {"StreamName": self.stream, "ShardId": f"shardId-{shard:012}", "ShardIteratorType": "TRIM_HORIZON"}
        records = self.client.get_records(ShardIterator=self.client.get_shard_iterator(**start)["ShardIterator"])["Records"]
        return records[-1]["SequenceNumber"], round(records[-1]["ApproximateArrivalTimestamp"].timestamp() * 1000)
