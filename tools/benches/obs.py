"""Notifications in a full queue on their way to a function that does nothing, beside the driver's bare loop."""

import json
import secrets
import subprocess
import sys
import time

from tests.conformance.sqs_fake import FakeSqs
from tests.e2e.driver import Sluice
from tests.s3 import told, whole
from tests.servers import free_port_run
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, WITHIN_S, Speed
from tools.benches.obs_loop import BATCH, PREFETCH
from tools.benches.processes import used_s
from tools.benches.rabbitmq import MORE_US, until
from tools.benches.setting import RESP, ROOT, Setting, make_function, tree

WARM_RECORDS = 2_000
NOTE = (
    "Notifications of one record, as AWS writes it, in a queue in memory that speaks SQS' protocol over HTTP and checks signatures. The "
    "bare loop is aiobotocore on uvloop, ten messages a request, and deletes them; it does nothing with them. The kind alone reads, makes "
    "records and events of fifty, and deletes, with nothing behind it. CPU is Sluice's own; the queue's is not counted."
)


def fill(queue: FakeSqs, records: int) -> None:
    """Other ones each time: what comes again would be dropped."""
    run = secrets.token_hex(4)
    queue.send_all(whole(told(f"in%2F{number}.png", sequencer=f"{run}{number:08X}")).decode() for number in range(records))


def read_by(queue: FakeSqs, what: str, records: int) -> Speed:
    """`bare` or `kind`, see `tools.benches.obs_loop`."""
    fill(queue, records)
    words = [queue.url, queue.region, queue.access_key, queue.secret_key, str(records)]
    command = [sys.executable, "-m", "tools.benches.obs_loop", what, *words]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
    return Speed(**json.loads(done.stdout.splitlines()[-1]))  # what is logged stands before it


def read_by_sluice(queue: FakeSqs, sluice: Sluice, urn: str, records: int) -> Speed:
    """Between a twentieth and the last twentieth of the events. A record that was lost, or failed, is an AssertionError."""
    fill(queue, records)
    settings = queue.settings(batch_size=BATCH, prefetch=PREFETCH, linger=0.02, visibility_timeout=60)
    fewest = records // BATCH
    trigger = sluice.trigger(urn, "OBS", settings)
    processes = tree(sluice)
    before = until(sluice, trigger, lambda counts: counts["success"] >= FIRST * fewest)
    cpu, wall = processes.cpu(), time.monotonic()
    after = until(sluice, trigger, lambda counts: counts["success"] >= LAST * fewest)
    seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
    ended = until(sluice, trigger, lambda counts: counts["lag"] == counts["open"] == 0 and counts["success"] >= fewest)
    assert ended["failed"] == ended["discarded"] == 0, ended
    seen = (after["success"] - before["success"]) * records / ended["success"]
    sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/OBS/{trigger}")
    return Speed(seen / wall, seconds / seen * 1e6)


def row(setting: Setting) -> Row:
    queue = FakeSqs(free_port_run(1))
    queue.start()
    records = setting.scaled(20_000, 5_000)
    ours, bare, kind = [], [], []
    try:
        with setting.sluice() as sluice:
            urn = make_function(sluice, "bench", setting.compiled(RESP))
            read_by_sluice(queue, sluice, urn, WARM_RECORDS)
            for _ in range(setting.runs):
                ours.append(read_by_sluice(queue, sluice, urn, records))
                bare.append(read_by(queue, "bare", records))
                kind.append(read_by(queue, "kind", records))
    finally:
        queue.kill()
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "records/s", [each.rate for each in ours]),
        figure("CPU", "µs a record", [each.cpu_us for each in ours]),
        figure("the driver's bare loop: throughput", "records/s", [each.rate for each in bare]),
        figure("the driver's bare loop: CPU", "µs a record", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a record", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("obs-queue", f"OBS from a queue → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
