"""Messages of a full RabbitMQ queue on their way to a function that does nothing, beside the driver's bare loop."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable

from tests.e2e.driver import Sluice
from tests.rabbitmq import Publisher
from tests.servers import RabbitMq
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, LOOK_S, WITHIN_S, Speed
from tools.benches.processes import used_s
from tools.benches.rabbitmq_loop import BATCH, PREFETCH
from tools.benches.setting import BODY_BYTES, RESP, ROOT, Setting, make_function, tree

CHUNK = 2_000
MORE_US = 8.0
"""What a kind may cost beside its driver's bare loop, or as much again, whichever is more."""
NOTE = (
    "Messages of 1 KiB with a `message_id`, in a quorum queue; 400 at a time without acknowledgement. The bare loop is pika's "
    "AsyncioConnection on uvloop with one acknowledgement for a hundred messages; it does nothing with them. The kind alone reads, makes "
    "records and events of fifty, and acknowledges, with nothing behind it. CPU is Sluice's own; RabbitMQ's is not counted."
)


class Queues:
    """Full queues, one for each measurement."""

    def __init__(self, node: RabbitMq, messages: int) -> None:
        self.node = node
        self.messages = messages

    def full(self) -> str:
        publisher = Publisher(self.node, f"bench-{secrets.token_hex(4)}")
        name = f"bench-{secrets.token_hex(4)}"
        publisher.declare(name, **{"x-queue-type": "quorum"})
        for start in range(0, self.messages, CHUNK):
            numbers = range(start, min(start + CHUNK, self.messages))
            publisher.publish_named([(f"{name}-{number}", b"%010d" % number + b"x" * (BODY_BYTES - 10)) for number in numbers])
        return name

    def read_by(self, what: str) -> Speed:
        """`bare` or `kind`, see `tools.benches.rabbitmq_loop`."""
        node = self.node
        words = [node.address, node.username, node.password, node.vhost, self.full(), str(self.messages)]
        command = [sys.executable, "-m", "tools.benches.rabbitmq_loop", what, *words]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
        return Speed(**json.loads(done.stdout))

    def read_by_sluice(self, sluice: Sluice, urn: str) -> Speed:
        """Between a twentieth and the last twentieth of the events. A message that was lost, or failed, is an AssertionError."""
        node, fewest = self.node, self.messages // BATCH
        login = {"connect_address": node.address, "access_user": node.username, "access_password": node.password, "vhost": node.vhost}
        reading = {"queue_name": self.full(), "passive": True, "prefetch": PREFETCH, "batch_size": BATCH, "linger": 0.02}
        trigger = sluice.trigger(urn, "RABBITMQ", {**login, **reading})
        processes = tree(sluice)
        before = until(sluice, trigger, lambda counts: counts["success"] >= FIRST * fewest)
        cpu, wall = processes.cpu(), time.monotonic()
        after = until(sluice, trigger, lambda counts: counts["success"] >= LAST * fewest)
        seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
        ended = until(sluice, trigger, lambda counts: counts["lag"] == counts["open"] == 0 and counts["success"] >= fewest)
        assert ended["failed"] == ended["discarded"] == 0, ended
        messages = (after["success"] - before["success"]) * self.messages / ended["success"]
        sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/RABBITMQ/{trigger}")
        return Speed(messages / wall, seconds / messages * 1e6)


def until(sluice: Sluice, trigger: str, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    deadline = time.monotonic() + WITHIN_S
    while not condition(counts := sluice.counts(trigger)):
        assert time.monotonic() < deadline, counts
        time.sleep(LOOK_S)
    return counts


def row(setting: Setting) -> Row:
    queues = Queues(setting.rabbitmq, setting.scaled(60_000, 20_000))
    ours, bare, kind = [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        Queues(setting.rabbitmq, CHUNK).read_by_sluice(sluice, urn)
        for _ in range(setting.runs):
            ours.append(queues.read_by_sluice(sluice, urn))
            bare.append(queues.read_by("bare"))
            kind.append(queues.read_by("kind"))
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "messages/s", [each.rate for each in ours]),
        figure("CPU", "µs a message", [each.cpu_us for each in ours]),
        figure("the driver's bare loop: throughput", "messages/s", [each.rate for each in bare]),
        figure("the driver's bare loop: CPU", "µs a message", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a message", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("rabbitmq", f"RabbitMQ → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
