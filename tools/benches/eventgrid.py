"""CloudEvents that senders push in batches on their way to a function that does nothing, beside the SDK's bare loop."""

import http.client
import json
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.driver import Sluice
from tools.benches.eventgrid_loop import BODY
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, WITHIN_S, Speed
from tools.benches.processes import used_s
from tools.benches.rabbitmq import MORE_US, until
from tools.benches.setting import RESP, ROOT, Setting, make_function, tree

BATCH = 50
SENDERS = 4
ALONE = 30_000
WARM = 2_000
NOTE = (
    "CloudEvents of 1 KiB, fifty to a request, from four senders that wait for their answers and come again when they are told 429. The "
    "bare loop is the CloudEvents SDK that reads requests of one event each, in the binary mode; it does nothing with them. The kind alone "
    "answers the same requests: it checks the event, makes its JSON, its record and the function's event, with nothing behind it. CPU is "
    "Sluice's own; the senders' is not counted."
)


class Pushed:
    """A trigger that is sent so many events."""

    def __init__(self, sluice: Sluice, urn: str, events: int) -> None:
        self._sluice = sluice
        self._urn = urn
        self._events = events
        self._trigger = sluice.trigger(urn, "EVENTGRID", {"batch_size": BATCH})
        sluice.until_state(self._trigger, "running")

    def run(self) -> Speed:
        """Between a twentieth and the last twentieth of the events. One that was lost, or failed, is an AssertionError."""
        fewest, processes = self._events // BATCH, tree(self._sluice)
        with ThreadPoolExecutor(SENDERS) as threads:
            sent = [threads.submit(self._send, range(first, self._events, SENDERS * BATCH)) for first in range(0, SENDERS * BATCH, BATCH)]
            before = until(self._sluice, self._trigger, lambda counts: counts["success"] >= FIRST * fewest)
            cpu, wall = processes.cpu(), time.monotonic()
            after = until(self._sluice, self._trigger, lambda counts: counts["success"] >= LAST * fewest)
            seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
            for each in sent:
                each.result(WITHIN_S)
        ended = until(self._sluice, self._trigger, lambda counts: counts["open"] == 0 and counts["success"] >= fewest)
        assert ended["failed"] == ended["discarded"] == 0, ended
        events = (after["success"] - before["success"]) * self._events / ended["success"]
        self._sluice.api("DELETE", f"/fgs/triggers/{self._urn}:latest/EVENTGRID/{self._trigger}")
        return Speed(events / wall, seconds / events * 1e6)

    def _send(self, firsts: Sequence[int]) -> None:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self._sluice.credentials["endpoint"]).netloc, timeout=30)
        path, headers = f"/sluice/v1/push/eventgrid/{self._trigger}", {"Content-Type": "application/cloudevents-batch+json"}
        for first in firsts:
            body = b"[" + b",".join(event(number) for number in range(first, first + BATCH)) + b"]"
            while True:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 202:
                    break
                assert answer.status in (429, 503), answer.status
        connection.close()


def event(number: int) -> bytes:
    return b'{"specversion":"1.0","id":"%d","source":"/bench","type":"bench.sent","datacontenttype":"application/json","data":%b}' % (
        number,
        BODY,
    )


def alone(what: str, events: int) -> Speed:
    """`bare` or `kind`, see `tools.benches.eventgrid_loop`."""
    command = [sys.executable, "-m", "tools.benches.eventgrid_loop", what, str(events)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
    return Speed(**json.loads(done.stdout))


def row(setting: Setting) -> Row:
    events, few = setting.scaled(60_000, 20_000), setting.scaled(ALONE, 10_000)
    ours, bare, kind = [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        Pushed(sluice, urn, WARM).run()
        for _ in range(setting.runs):
            ours.append(Pushed(sluice, urn, events).run())
            bare.append(alone("bare", few))
            kind.append(alone("kind", few))
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "events/s", [each.rate for each in ours]),
        figure("CPU", "µs an event", [each.cpu_us for each in ours]),
        figure("the SDK's bare loop: throughput", "events/s", [each.rate for each in bare]),
        figure("the SDK's bare loop: CPU", "µs an event", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs an event", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("eventgrid", f"CloudEvents over HTTP → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
