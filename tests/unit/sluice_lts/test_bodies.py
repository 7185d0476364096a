"""Packed bodies, and what hides in some."""

import gzip

import cramjam
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sluice.errors import Invalid
from sluice_lts import loki, otlp
from sluice_lts.bodies import MOST_LOGS, MOST_OBJECTS, MOST_PLAIN_BYTES, TooLarge, unpacked, unsnapped
from sluice_lts.loki_messages import PushRequest

BOMB = bytes(MOST_PLAIN_BYTES + 1)


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", " GZIP ", "snappy"])
def test_a_body_is_unpacked_as_its_sender_packed_it(encoding: str) -> None:
    packed = {"gzip": gzip.compress(b"plain"), "snappy": bytes(cramjam.snappy.compress_raw(b"plain"))}
    assert unpacked(packed.get(encoding.strip().lower(), b"plain"), encoding) == b"plain"


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    for body, encoding in ((gzip.compress(BOMB), "gzip"), (bytes(cramjam.snappy.compress_raw(BOMB)), "snappy"), (BOMB, "")):
        with pytest.raises(TooLarge):
            unpacked(body, encoding)


def test_a_snappy_body_that_lies_about_its_length_is_refused() -> None:
    with pytest.raises(TooLarge):
        unsnapped(b"\xff\xff\xff\xff\x0f")
    with pytest.raises(Invalid):
        unsnapped(b"\x80\x80\x40\x00x")


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"x", "gzip"), (gzip.compress(b"x" * 100)[:-9], "gzip"), (b"\xff", "snappy"), (b"x", "br")]
)
def test_what_is_not_as_it_says_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(Invalid):
        unpacked(body, encoding)


SMALLEST_JSON = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%b]}]}]}'


@pytest.mark.parametrize("count", [MOST_LOGS + 1, MOST_OBJECTS + 1])
def test_logs_that_are_next_to_nothing_are_counted(count: int) -> None:
    with pytest.raises(TooLarge):
        otlp.of_json(SMALLEST_JSON % b",".join([b"{}"] * count), "")
    with pytest.raises(TooLarge):
        loki.of_json(b'{"streams":[{"stream":{},"values":[%b]}]}' % b",".join([b'["1",""]'] * count), "")


def test_so_are_those_of_protobuf() -> None:
    request, push = ExportLogsServiceRequest(), PushRequest()
    records, entries = request.resource_logs.add().scope_logs.add().log_records, push.streams.add(labels="{}").entries
    for _ in range(MOST_LOGS + 1):
        records.add()
        entries.add()
    with pytest.raises(TooLarge):
        otlp.of_protobuf(request.SerializeToString(), "")
    with pytest.raises(TooLarge):
        loki.of_protobuf(push.SerializeToString(), "")
