"""What taking logs of OTLP costs by itself, in a process of its own:

    python -m tools.benches.lts_loop bare|kind|whole LOGS

`bare` decodes requests with OpenTelemetry's own messages and reads what a log has, attributes too. `kind` is the trigger on an intake that
accepts at once and has an event made of every 200 logs; `whole` is the same with `metadata`, and makes as much of a log as filters want.
Prints logs a second and CPU microseconds a log.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
import uvloop
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from sluice.binding import Binding
from sluice.push import Request, Serve
from sluice_lts import KIND
from sluice_lts.settings import LtsSettings
from tools.benches.loop import AcceptsAtOnce, Count

TOGETHER = 500
"""Logs of one request; the SDK's batches have 512 at most."""
BATCH = 200
TEXT = "GET /carts/%d answered in 12 ms with 200, which is what was expected of it; nothing else is worth a word here."
ATTRIBUTES: Mapping[str, str | int] = {
    "http.request.method": "GET",
    "http.route": "/carts/{id}",
    "http.response.status_code": 200,
    "server.port": 8080,
}
RESOURCE = {"service.name": "shop", "service.version": "1.2.3", "host.name": "vm1", "host.ip": "192.0.2.1"}
TIME_NS = 1_772_432_000_123_456_789
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


def request_of(numbers: range) -> bytes:
    """As the SDK's exporter makes it: texts of 112 bytes, four attributes, a severity and a trace."""
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    for key, value in RESOURCE.items():
        of_resource.resource.attributes.add(key=key).value.string_value = value
    records = of_resource.scope_logs.add().log_records
    for number in numbers:
        record = records.add(time_unix_nano=TIME_NS + number, severity_number=9, severity_text="INFO", trace_id=bytes(16), span_id=bytes(8))
        record.body.string_value = TEXT % number
        for key, attribute in ATTRIBUTES.items():
            _put(record.attributes.add(key=key).value, attribute)
    return request.SerializeToString()


def _put(value: AnyValue, attribute: str | int) -> None:
    if isinstance(attribute, int):
        value.int_value = attribute
    else:
        value.string_value = attribute


def requests(logs: int) -> Iterator[bytes]:
    for start in range(0, logs, TOGETHER):
        yield request_of(range(start, min(start + TOGETHER, logs)))


class _Serving(AcceptsAtOnce):
    """Keeps what answers requests."""

    answer: Serve

    def serve(self, answer: Serve, *topics: str) -> None:
        self.answer = answer


async def kind(bodies: list[bytes], count: Count, *, metadata: bool = False) -> None:
    text = json.dumps({"log_group_id": "g", "log_topic_id": "t", "push_token": "token", "metadata": metadata}).encode()
    settings = msgspec.json.decode(text, type=LtsSettings)
    binding = Binding("bench", "p1", "LTS", "lts", FUNCTION, text, batch_size=BATCH)
    intake, ready = _Serving(KIND, binding, settings, count), asyncio.Event()
    running = asyncio.ensure_future(KIND.build(binding, settings).run(intake, ready.set))
    await ready.wait()
    headers = {"content-type": "application/x-protobuf", "authorization": "Bearer token"}
    for body in bodies:
        await intake.answer(Request(path="/v1/logs", headers=headers, body=body, sender="127.0.0.1"))
    running.cancel()
    await asyncio.wait((running,))


async def bare(bodies: list[bytes], count: Count) -> None:
    for body in bodies:
        for of_resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            _read(of_resource.resource)
            for scope in of_resource.scope_logs:
                for record in scope.log_records:
                    _read(record)
                    count.one()


def _read(what: Any) -> tuple[dict[str, Any], Any]:
    """Attributes as Python's own, and of a log its time, severity, text and trace."""
    attributes = {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in what.attributes}
    if hasattr(what, "body"):
        return attributes, (what.time_unix_nano, what.severity_text, what.body.string_value, what.trace_id, what.span_id)
    return attributes, None


async def main() -> None:
    what, logs = sys.argv[1:]
    count, bodies = Count(int(logs)), list(requests(int(logs)))
    loops: Mapping[str, Callable[[list[bytes], Count], Awaitable[None]]]
    loops = {"bare": bare, "kind": kind, "whole": partial(kind, metadata=True)}
    await loops[what](bodies, count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
