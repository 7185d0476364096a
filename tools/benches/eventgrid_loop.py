"""What taking in CloudEvents costs by itself, in a process of its own:

    python -m tools.benches.eventgrid_loop bare|kind EVENTS

`bare` is the CloudEvents SDK that reads one request after another, each an event of 1 KiB in the binary mode; it does nothing with them.
`kind` is the trigger answering the same requests, on an intake that accepts at once and has an event made of each. Prints events a second
and CPU microseconds an event, from the first event to the last.
"""

import asyncio
import json
import sys
from collections.abc import Iterator

import uvloop
from cloudevents.core.bindings import http

from sluice.binding import Binding
from sluice.push import Request, Serve
from sluice_eventgrid import KIND
from sluice_eventgrid.settings import EventGridSettings
from tools.benches.loop import AcceptsAtOnce, Count
from tools.benches.setting import BODY_BYTES

FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"
BODY = json.dumps({"text": "x" * (BODY_BYTES - len('{"text":""}'))}, separators=(",", ":")).encode()


class ServesItself(AcceptsAtOnce):
    """Keeps what the trigger serves."""

    served: Serve

    def serve(self, answer: Serve, *topics: str) -> None:
        self.served = answer


def requests(events: int) -> Iterator[dict[str, str]]:
    """Headers of each."""
    known = {"ce-specversion": "1.0", "ce-source": "/bench", "ce-type": "bench.sent", "ce-time": "2026-03-02T12:07:48.955Z"}
    for number in range(events):
        yield {**known, "ce-id": str(number), "ce-subject": "in/%C3%A4", "content-type": "application/json", "host": "127.0.0.1"}


async def kind(events: int, count: Count) -> None:
    settings = EventGridSettings()
    binding = Binding("bench", "p1", "EVENTGRID", "eventgrid", FUNCTION, b"{}")
    intake, ready = ServesItself(KIND, binding, settings, count), asyncio.Event()
    running = asyncio.ensure_future(KIND.build(binding, settings).run(intake, ready.set))
    await ready.wait()
    for headers in requests(events):
        answer = await intake.served(Request(headers=headers, body=BODY, is_local=True))
        assert answer.status == 202
    running.cancel()
    await asyncio.wait((running,))


async def bare(events: int, count: Count) -> None:
    for headers in requests(events):
        http.from_http_event(http.HTTPMessage(headers, BODY))
        count.one()


async def main() -> None:
    what, events = sys.argv[1:]
    count = Count(int(events))
    await {"bare": bare, "kind": kind}[what](int(events), count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
