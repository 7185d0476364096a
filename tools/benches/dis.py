"""Records of a full stream on their way to a function that does nothing, beside the driver's bare loop."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conformance.dis_fake import FakeKinesis
from tests.e2e.driver import Sluice
from tests.servers import free_port_run
from tools.benches.dis_loop import BATCH
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, WITHIN_S, Speed
from tools.benches.processes import used_s
from tools.benches.rabbitmq import MORE_US, until
from tools.benches.setting import BODY_BYTES, RESP, ROOT, Setting, make_function, tree

SHARDS = 4
WARM_RECORDS = 40_000
NOTE = (
    "Records of 1 KiB in four shards of a service in memory, which speaks Kinesis' protocol over HTTP and checks signatures. The bare loop "
    "is aiobotocore on uvloop, a thousand records a request; it does nothing with them. The kind alone reads, makes records and events of "
    "fifty, and keeps positions, with nothing behind it. CPU is Sluice's own; the service's is not counted."
)


class Streams:
    """Full streams, one for each measurement."""

    def __init__(self, kinesis: FakeKinesis, records: int) -> None:
        self.kinesis = kinesis
        self.records = records

    @contextmanager
    def full(self) -> Iterator[str]:
        name = f"bench-{secrets.token_hex(4)}"
        self.kinesis.create(name, SHARDS)
        for number in range(self.records):
            self.kinesis.put(name, b"%010d" % number + b"x" * (BODY_BYTES - 10), key=str(number))
        yield name
        del self.kinesis.streams[name]

    def read_by(self, what: str) -> Speed:
        """`bare` or `kind`, see `tools.benches.dis_loop`."""
        service = self.kinesis
        with self.full() as stream:
            words = [service.endpoint, service.region, service.access_key, service.secret_key, stream, str(self.records)]
            command = [sys.executable, "-m", "tools.benches.dis_loop", what, *words]
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
        return Speed(**json.loads(done.stdout))

    def read_by_sluice(self, sluice: Sluice, urn: str) -> Speed:
        """Between a twentieth and the last twentieth of the events. A record that was lost, or failed, is an AssertionError."""
        service, fewest = self.kinesis, self.records // BATCH
        login = {"endpoint": service.endpoint, "region": service.region, "access_key": service.access_key, "secret_key": service.secret_key}
        with self.full() as stream:
            reading = {"stream_name": stream, "sharditerator_type": "TRIM_HORIZON", "batch_size": BATCH}
            trigger = sluice.trigger(urn, "DIS", {**login, **reading})
            processes = tree(sluice)
            before = until(sluice, trigger, lambda counts: counts["success"] >= FIRST * fewest)
            cpu, wall = processes.cpu(), time.monotonic()
            after = until(sluice, trigger, lambda counts: counts["success"] >= LAST * fewest)
            seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
            ended = until(sluice, trigger, lambda counts: counts["lag"] == counts["open"] == 0 and counts["success"] >= fewest)
            assert ended["failed"] == ended["discarded"] == 0, ended
            records = (after["success"] - before["success"]) * self.records / ended["success"]
            sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/DIS/{trigger}")
        return Speed(records / wall, seconds / records * 1e6)


def row(setting: Setting) -> Row:
    kinesis = FakeKinesis(free_port_run(1))
    kinesis.start()
    streams = Streams(kinesis, setting.scaled(60_000, 20_000))
    ours, bare, kind = [], [], []
    try:
        with setting.sluice() as sluice:
            urn = make_function(sluice, "bench", setting.compiled(RESP))
            Streams(kinesis, WARM_RECORDS).read_by_sluice(sluice, urn)
            for _ in range(setting.runs):
                ours.append(streams.read_by_sluice(sluice, urn))
                bare.append(streams.read_by("bare"))
                kind.append(streams.read_by("kind"))
    finally:
        kinesis.kill()
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "records/s", [each.rate for each in ours]),
        figure("CPU", "µs a record", [each.cpu_us for each in ours]),
        figure("the driver's bare loop: throughput", "records/s", [each.rate for each in bare]),
        figure("the driver's bare loop: CPU", "µs a record", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a record", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("dis", f"DIS → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
