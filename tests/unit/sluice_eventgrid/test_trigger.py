"""What senders of CloudEvents are answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice.event import MAX_EVENT_BYTES
from sluice.push import Answer, Request
from sluice_eventgrid.settings import EventGridSettings
from sluice_eventgrid.trigger import EventGridTrigger
from tests.conformance.intake import FakeIntake

EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
JSON = {"content-type": "application/json"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-01"

Send = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def running(intake: FakeIntake, **settings: Any) -> AsyncIterator[Send]:
    """Sends from this machine; a dictionary or a list is sent as JSON."""
    run = asyncio.create_task(EventGridTrigger(msgspec.convert(settings, EventGridSettings), SteppedClock(5)).run(intake, lambda: None))
    await intake.until(lambda: intake.served is not None, 5)
    serve = intake.served
    assert serve is not None

    async def send(body: Any = b"", headers: dict[str, str] = STRUCTURED, **more: Any) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await serve(Request(body=content, headers=headers, **({"is_local": True} | more)))

    yield send
    run.cancel()
    await asyncio.wait({run})


async def test_an_event_becomes_a_record_known_by_its_source_and_id() -> None:
    intake = FakeIntake()
    sent = EVENT | {"time": "1970-01-01T00:00:01Z", "partitionkey": "k", "traceparent": TRACE}
    async with running(intake) as send:
        assert (await send(sent)).status == 202
        assert (await send(EVENT, {**STRUCTURED, "traceparent": OTHER})).status == 202
    first, second = intake.accepted
    assert (first.id, first.source, first.position, first.time_ms) == ("/s\n1", "/s", "1", 1000)
    assert (first.key, first.trace) == (b"k", TRACE)
    assert (second.time_ms, second.key, second.trace) == (5000, None, OTHER)
    assert json.loads(first.value or b"") == sent


async def test_all_modes_are_taken_and_so_is_what_the_publishing_api_sends() -> None:
    intake = FakeIntake()
    async with running(intake) as send:
        binary = {f"ce-{name}": value for name, value in EVENT.items()}
        assert (await send(b"{}", binary | JSON)).status == 202
        assert (await send([EVENT, EVENT | {"id": "2"}], {"content-type": "application/cloudevents-batch+json"})).status == 202
        assert (await send({"events": [EVENT, EVENT | {"id": "3"}]}, JSON, path="/events")).status == 202
        assert (await send({"events": []}, JSON)).status == 202
    assert [record.position for record in intake.accepted] == ["1", "1", "2", "1", "3"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        ({"id": "1"}, STRUCTURED, 400, "specversion"),
        (EVENT | {"specversion": "0.3"}, STRUCTURED, 400, "is 1.0, not '0.3'"),
        (EVENT | {"time": "soon"}, STRUCTURED, 400, "time"),
        ({"events": [EVENT, EVENT | {"Bad": 1}]}, JSON, 400, "events[1].Bad"),
        ({"events": [1]}, JSON, 400, "events[0]"),
        (b"", {"ce-id": "1", **JSON}, 400, "specversion"),
        (b"{}", JSON, 415, "no CloudEvent"),
        (b"hello", {}, 415, "no CloudEvent"),
        (b"<event/>", {"content-type": "application/cloudevents+xml"}, 415, "application/cloudevents+xml"),
        (EVENT | {"data": "x" * MAX_EVENT_BYTES}, STRUCTURED, 413, "'1'"),
    ],
)
async def test_what_is_no_event_is_refused_with_the_reason_and_nothing_of_it_counts(
    body: Any, headers: dict[str, str], status: int, said: str
) -> None:
    intake = FakeIntake()
    async with running(intake) as send:
        answer = await send(body, headers)
    assert (answer.status, said in answer.body.decode()) == (status, True), answer.body
    assert not intake.hand_overs


async def test_too_many_events_at_once_are_refused() -> None:
    intake = FakeIntake()
    async with running(intake) as send:
        answer = await send([EVENT] * 10_001, {"content-type": "application/cloudevents-batch+json"})
    assert (answer.status, intake.hand_overs) == (413, [])


async def test_what_no_source_would_be_called_makes_no_long_names() -> None:
    intake = FakeIntake()
    async with running(intake) as send:
        assert (await send(EVENT | {"source": "/" * 100_000, "id": "x" * 100_000, "traceparent": "x" * 100_000})).status == 202
    (record,) = intake.accepted
    assert max(len(record.id), len(record.source), len(record.position)) <= 512
    assert record.trace == ""


async def test_a_full_mesh_is_told_to_the_sender() -> None:
    intake = FakeIntake()
    intake.fail_next(Unavailable("full", 3))
    async with running(intake) as send:
        answer = await send(EVENT)
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "3")


async def test_the_channel_is_served_where_there_is_one() -> None:
    intake, other = FakeIntake(), FakeIntake()
    async with running(intake, channel_id="c1"), running(other):
        assert (intake.topics, other.topics) == (("c1",), ())


async def test_only_who_shows_the_token_may_send() -> None:
    intake = FakeIntake()
    async with running(intake, push_token="secret") as send:
        assert (await send(EVENT)).status == 401
        assert (await send(EVENT, query="access_token=wrong")).status == 401
        assert (await send(EVENT, {**STRUCTURED, "authorization": "Bearer wrong"}, query="access_token=secret")).status == 401
        assert (await send(EVENT, query="a=b&access_token=secret")).status == 202
        assert (await send(EVENT, {**STRUCTURED, "authorization": "Bearer secret"})).status == 202
        assert (await send(EVENT, is_known=True)).status == 202
    assert len(intake.accepted) == 3


async def test_other_methods_and_paths_are_not_there() -> None:
    async with running(FakeIntake()) as send:
        got = await send(method="GET")
        assert (got.status, dict(got.headers)["allow"]) == (405, "OPTIONS, POST")
        assert (await send(EVENT, path="/other")).status == 404


async def test_a_webhook_is_given_leave_before_it_has_a_token_to_show() -> None:
    async with running(FakeIntake(), push_token="secret") as send:
        answer = await send(headers={"webhook-request-origin": "grid.example.org", "webhook-request-rate": "120"}, method="OPTIONS")
        assert answer.status == 200
        assert dict(answer.headers) == {"allow": "OPTIONS, POST", "webhook-allowed-origin": "*", "webhook-allowed-rate": "*"}
        assert dict((await send(headers={}, method="OPTIONS")).headers) == {"allow": "OPTIONS, POST"}


async def test_only_named_origins_are_given_leave_and_may_send() -> None:
    intake = FakeIntake()
    known, other = {"webhook-request-origin": "grid.example.org"}, {"webhook-request-origin": "elsewhere.example.org"}
    async with running(intake, webhook_origins=["Grid.example.org"]) as send:
        assert dict((await send(headers=known, method="OPTIONS")).headers)["webhook-allowed-origin"] == "grid.example.org"
        denied = await send(headers=other, method="OPTIONS")
        assert (denied.status, "webhook-allowed-origin" in dict(denied.headers)) == (403, False)
        assert (await send(EVENT, STRUCTURED | other)).status == 403
        assert (await send(EVENT)).status == 403
        assert (await send(EVENT, STRUCTURED | known)).status == 202
        assert (await send(EVENT, is_known=True)).status == 202
    assert len(intake.accepted) == 2
