"""What reading pushed requests costs by itself, in a process of its own:

    python -m tools.benches.pushed_loop bare|kind NAME RECORDS

`bare` is what somebody would write by hand who trusts the sender. `kind` is the trigger on an intake that accepts at once. Prints records a
second and CPU microseconds a record, from the first record to the last.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvloop

from sluice.binding import Binding
from sluice.host.kinds import by_type, installed
from sluice.push import Request
from tests.s3 import told, whole
from tools.benches.loop import AcceptsAtOnce, Count

TOKEN = "a token of some length"
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


@dataclass(frozen=True)
class Sample:
    """A kind that is pushed to, and what its sender sends: `body` holds the records of these numbers."""

    title: str
    type: str
    settings: dict[str, Any]
    batch: int
    body: Callable[[range], bytes]
    by_hand: Callable[[bytes], Sequence[bytes]]
    """The events of a body."""
    note: str
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {TOKEN}"})
    records_an_event: int = 1


def audit_events(numbers: range) -> bytes:
    """As a Kubernetes API server sends them."""
    return json.dumps(
        {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [_audit_event(number) for number in numbers]}
    ).encode()


def _audit_event(number: int) -> dict[str, object]:
    return {
        "level": "Request",
        "auditID": f"0b1c2d3e-4f50-4617-8283-{number:012d}",
        "stage": "ResponseComplete",
        "requestURI": f"/api/v1/namespaces/shop/configmaps/m-{number}",
        "verb": "update",
        "user": {"username": "alice", "uid": "u-1", "groups": ["dev", "system:authenticated"]},
        "sourceIPs": ["198.51.100.7"],
        "userAgent": "kubectl/v1.37.2",
        "objectRef": {"resource": "configmaps", "namespace": "shop", "name": f"m-{number}", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestObject": {"data": {"text": "x" * 400}},
        "requestReceivedTimestamp": "2026-03-02T07:11:40.120000Z",
        "stageTimestamp": "2026-03-02T07:11:40.130000Z",
    }


def audit_by_hand(body: bytes) -> list[bytes]:
    return [json.dumps({"cts": item}).encode() for item in json.loads(body)["items"]]


def notifications(numbers: range) -> bytes:
    """As AWS writes them."""
    return whole(*(told(f"in%2F{number}.png", sequencer=f"{number:016X}") for number in numbers))


def notifications_by_hand(body: bytes) -> list[bytes]:
    return [json.dumps({"Records": [record]}).encode() for record in json.loads(body)["Records"]]


SAMPLES: Mapping[str, Sample] = {
    "cts": Sample(
        "Kubernetes audit webhook",
        "CTS",
        {"name": "bench", "operations": ["core:*:*"], "push_token": TOKEN},
        100,
        audit_events,
        audit_by_hand,
        "Audit events of about 1 KiB, 100 a request. By hand they are read with Python's json and written again. The kind alone reads "
        "them, makes traces and an event of each, with nothing behind it.",
    ),
    "obs": Sample(
        "S3 notifications",
        "OBS",
        {"bucket": "photos", "events": ["ObjectCreated"], "push_token": TOKEN},
        100,
        notifications,
        notifications_by_hand,
        "Notifications of 100 records, as AWS writes it. By hand they are read with Python's json and written again. The kind alone reads "
        "them, makes records and an event of each, with nothing behind it.",
    ),
}


async def kind(name: str, sample: Sample, records: int, count: Count) -> None:
    text = json.dumps(sample.settings).encode()
    found = by_type(installed())[sample.type]
    settings = msgspec.json.decode(text, type=found.settings)
    binding = Binding("bench", "p1", sample.type, name, FUNCTION, text, batch_size=sample.records_an_event)
    intake = AcceptsAtOnce(found, binding, settings, count)
    running = asyncio.ensure_future(found.build(binding, settings).run(intake, lambda: None))
    await asyncio.sleep(0)
    assert intake.served is not None
    for body in bodies(sample, records):
        answer = await intake.served(Request(path=sample.path, headers=sample.headers, body=body))
        assert 200 <= answer.status < 300, answer
    running.cancel()
    await asyncio.wait((running,))


async def bare(name: str, sample: Sample, records: int, count: Count) -> None:
    for body in bodies(sample, records):
        for _ in sample.by_hand(body):
            count.one()


def bodies(sample: Sample, records: int) -> list[bytes]:
    return [sample.body(range(first, first + sample.batch)) for first in range(0, records, sample.batch)]


async def main() -> None:
    what, name, records = sys.argv[1:]
    count = Count(int(records))
    await {"bare": bare, "kind": kind}[what](name, SAMPLES[name], int(records), count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
