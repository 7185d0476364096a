"""What senders are answered."""

import asyncio
import gzip
import json

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice.push import Answer, Request
from sluice_lts.arrivals import MOST_BYTES, Arrivals
from sluice_lts.log import Log
from sluice_lts.otlp import of_json
from sluice_lts.requests import LOKI_PATH, OTLP_PATH, answer
from tests.conformance.intake import FakeIntake
from tests.unit.sluice_lts.samples import loki_json, loki_protobuf, otlp_json, otlp_protobuf

JSON, PROTOBUF = {"content-type": "application/json; charset=utf-8"}, {"content-type": "application/x-protobuf"}


class Door:
    def __init__(self, *, deduplicate: bool = True) -> None:
        self.intake = FakeIntake()
        self.arrivals = Arrivals(self.intake, SteppedClock(), deduplicate=deduplicate)

    async def send(self, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> Answer:
        return await answer(self.arrivals, Request(method=method, path=path, body=body, headers=headers, sender="192.0.2.9"))

    @property
    def messages(self) -> list[str]:
        return [json.loads(record.value or b"")["message"] for record in self.intake.accepted]


WAYS: dict[str, tuple[str, bytes, dict[str, str], int]] = {
    "otlp json": (OTLP_PATH, otlp_json("a", "b"), JSON, 200),
    "otlp protobuf": (OTLP_PATH, otlp_protobuf("a", "b"), PROTOBUF, 200),
    "otlp gzip": (OTLP_PATH, gzip.compress(otlp_protobuf("a", "b")), {**PROTOBUF, "content-encoding": "gzip"}, 200),
    "loki json": (LOKI_PATH, loki_json("a", "b"), JSON, 204),
    "loki gzip": (LOKI_PATH, gzip.compress(loki_json("a", "b")), {**JSON, "content-encoding": "gzip"}, 204),
    "loki snappy": (LOKI_PATH, loki_protobuf(b"a", b"b"), PROTOBUF, 204),
    "loki snappy, named": (LOKI_PATH, loki_protobuf(b"a", b"b"), {**PROTOBUF, "content-encoding": "snappy"}, 204),
}


@pytest.mark.parametrize("way", WAYS)
async def test_logs_are_taken_as_their_sender_packs_them(way: str) -> None:
    path, body, headers, status = WAYS[way]
    door = Door()
    assert (await door.send(path, body, headers)).status == status
    assert door.messages == ["a", "b"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_sender_is_told_to_come_again_when_the_mesh_is_full(way: str) -> None:
    path, body, headers, _ = WAYS[way]
    door = Door()
    door.intake.fail_next(Unavailable("full", 7))
    told = await door.send(path, body, headers)
    assert told.status == (429 if path == LOKI_PATH else 503)
    assert dict(told.headers)["retry-after"] == "7"


@pytest.mark.parametrize("way", WAYS)
async def test_the_same_request_is_the_same_logs(way: str) -> None:
    path, body, headers, _ = WAYS[way]
    door = Door()
    for _ in range(2):
        await door.send(path, body, headers)
    ids = [record.id for record in door.intake.accepted]
    assert len(ids) == 4
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]


async def test_without_deduplication_or_without_a_time_logs_have_no_ids() -> None:
    door, timeless = Door(deduplicate=False), Door()
    await door.send(OTLP_PATH, otlp_json("a"), JSON)
    await timeless.send(OTLP_PATH, otlp_json("a", timeUnixNano=0), JSON)
    for record in (*door.intake.accepted, *timeless.intake.accepted):
        assert record.id == ""
        assert record.position == json.loads(record.value or b"")["log_uid"]
        assert record.time_ms


async def test_refused_logs_are_a_partial_success_of_otlp() -> None:
    door = Door()
    door.intake.refuses = lambda record: b'"b"' in (record.value or b"")
    told = await door.send(OTLP_PATH, otlp_protobuf("a", "b"), PROTOBUF)
    partial = ExportLogsServiceResponse.FromString(told.body).partial_success
    assert (told.status, partial.rejected_log_records, partial.error_message) == (200, 1, "refused by the test")
    told = await door.send(OTLP_PATH, otlp_json("b"), JSON)
    assert json.loads(told.body) == {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "refused by the test"}}
    assert (await door.send(LOKI_PATH, loki_json("a", "b"), JSON)).status == 400


async def test_a_success_of_otlp_says_nothing_more() -> None:
    told = await Door().send(OTLP_PATH, otlp_json("a"), JSON)
    assert (told.body, dict(told.headers)["content-type"]) == (b"{}", "application/json")
    assert (await Door().send(OTLP_PATH, otlp_protobuf("a"), PROTOBUF)).body == b""


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        (OTLP_PATH, b"\xff\xff", PROTOBUF, 400),
        (OTLP_PATH, b"{", JSON, 400),
        (OTLP_PATH, b"x", {**JSON, "content-encoding": "br"}, 400),
        (OTLP_PATH, b"x", {"content-type": "text/plain"}, 415),
        (OTLP_PATH, gzip.compress(bytes(17 * 1024 * 1024)), {**PROTOBUF, "content-encoding": "gzip"}, 413),
        (LOKI_PATH, b"x", {}, 400),
        (LOKI_PATH, b"{", JSON, 400),
        (LOKI_PATH, gzip.compress(bytes(17 * 1024 * 1024)), {**JSON, "content-encoding": "gzip"}, 413),
        ("", b"", {}, 404),
        ("/v1/traces", b"", PROTOBUF, 404),
    ],
)
async def test_what_is_wrong_is_told(path: str, body: bytes, headers: dict[str, str], status: int) -> None:
    door = Door()
    assert (await door.send(path, body, headers)).status == status
    assert not door.intake.hand_overs


async def test_otlps_senders_read_a_status() -> None:
    told = await Door().send(OTLP_PATH, b"\xff\xff", PROTOBUF)
    assert "ExportLogsServiceRequest" in Status.FromString(told.body).message
    told = await Door().send(OTLP_PATH, b"{", JSON)
    assert "ExportLogsServiceRequest" in json.loads(told.body)["message"]


@pytest.mark.parametrize("path", [OTLP_PATH, LOKI_PATH])
async def test_logs_are_posted(path: str) -> None:
    assert (await Door().send(path, b"", JSON, method="PUT")).status == 405


async def test_no_more_is_held_than_there_is_room_for() -> None:
    door = Door()
    door.intake.hold()
    first = asyncio.ensure_future(door.arrivals.hand_over("otlp", bytes(MOST_BYTES), logs_of("a")))
    await door.intake.until(lambda: door.intake.waiting_records > 0, 10)
    assert (await door.arrivals.hand_over("otlp", b"x", logs_of("b"))).retry_after_s
    door.intake.let_flow()
    assert not (await first).retry_after_s
    assert not (await door.arrivals.hand_over("otlp", b"x", logs_of("b"))).retry_after_s


async def test_a_mesh_that_takes_too_long_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice_lts.arrivals.WITHIN_S", 0.01)
    door = Door()
    door.intake.hold()
    told = await door.send(OTLP_PATH, otlp_protobuf("a"), PROTOBUF)
    assert told.status == 503
    assert door.intake.waiting_records == 0


def logs_of(*messages: str) -> list[Log]:
    return of_json(otlp_json(*messages), "")


@pytest.mark.parametrize("way", WAYS)
async def test_what_nobody_sees_is_not_made(way: str) -> None:
    path, body, headers, _ = WAYS[way]
    values = []
    for whole in (True, False):
        intake = FakeIntake()
        arrivals = Arrivals(intake, SteppedClock(), deduplicate=True, whole=whole)
        await answer(arrivals, Request(path=path, body=body, headers=headers, sender="192.0.2.9"))
        values.append([json.loads(record.value or b"") for record in intake.accepted])
    seven = ("message", "time", "host_name", "ip", "path", "log_uid", "line_no")
    assert values[1] == [{name: log[name] for name in seven} for log in values[0]]
