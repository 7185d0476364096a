"""Messages of a full RocketMQ topic on their way to a function that does nothing, beside the bare loop of RocketMQ's own client."""

import json
import os
import subprocess
import sys
import time

from tests.e2e.driver import Sluice
from tests.rocketmq import Sent, Topic
from tests.servers import RocketMq
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, WITHIN_S, Speed
from tools.benches.processes import used_s
from tools.benches.rabbitmq import MORE_US, until
from tools.benches.rocketmq_loop import BATCH, PREFETCH
from tools.benches.setting import BODY_BYTES, RESP, ROOT, Setting, make_function, tree

BARE = 10
"""The client's own loop gets so many times fewer messages: it takes that much longer for each."""
NOTE = (
    "Messages of 1 KiB in four queues of a topic; 400 at a time without acknowledgement. The bare loop is the simple consumer of Apache's "
    "client, which receives 32 at a time and acknowledges each. The kind alone reads, makes records and events of fifty, and acknowledges, "
    "with nothing behind it. CPU is Sluice's own; RocketMQ's is not counted, and bounds the throughput."
)


class Topics:
    """Full topics, one for each measurement."""

    def __init__(self, server: RocketMq, messages: int) -> None:
        self.server = server
        self.messages = messages

    def full(self) -> Topic:
        topic = Topic(self.server, queues=4)
        topic.send([Sent(b"%010d" % number + b"x" * (BODY_BYTES - 10)) for number in range(self.messages)])
        return topic

    def read_by(self, what: str) -> Speed:
        """`bare` or `kind`, see `tools.benches.rocketmq_loop`."""
        server, topic = self.server, self.full()
        words = [server.address, server.access_key, server.secret_key, topic.name, topic.group, str(self.messages)]
        command = [sys.executable, "-m", "tools.benches.rocketmq_loop", what, *words]
        home = os.environ | {"HOME": str(server.folder)}
        done = subprocess.run(command, cwd=ROOT, env=home, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
        return Speed(**json.loads(done.stdout))

    def read_by_sluice(self, sluice: Sluice, urn: str) -> Speed:
        """Between a twentieth and the last twentieth of the events. A message that was lost, or failed, is an AssertionError."""
        server, topic, fewest = self.server, self.full(), self.messages // BATCH
        keys = {"enable_acl": True, "access_key": server.access_key, "secret_key": server.secret_key}
        where = {"endpoints": server.address, "topic": topic.name, "consumer_group": topic.group}
        trigger = sluice.trigger(urn, "ROCKETMQ", {**keys, **where, "prefetch": PREFETCH, "batch_size": BATCH, "linger": 0.02})
        processes = tree(sluice)
        before = until(sluice, trigger, lambda counts: counts["success"] >= FIRST * fewest)
        cpu, wall = processes.cpu(), time.monotonic()
        after = until(sluice, trigger, lambda counts: counts["success"] >= LAST * fewest)
        seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
        ended = until(sluice, trigger, lambda counts: counts["open"] == 0 and counts["success"] >= fewest)
        assert ended["failed"] == ended["discarded"] == 0, ended
        messages = (after["success"] - before["success"]) * self.messages / ended["success"]
        sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/ROCKETMQ/{trigger}")
        return Speed(messages / wall, seconds / messages * 1e6)


def row(setting: Setting) -> Row:
    topics = Topics(setting.rocketmq, setting.scaled(20_000, 5_000))
    few = Topics(setting.rocketmq, topics.messages // BARE)
    ours, bare, kind = [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        few.read_by_sluice(sluice, urn)
        for _ in range(setting.runs):
            ours.append(topics.read_by_sluice(sluice, urn))
            bare.append(few.read_by("bare"))
            kind.append(topics.read_by("kind"))
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "messages/s", [each.rate for each in ours]),
        figure("CPU", "µs a message", [each.cpu_us for each in ours]),
        figure("the client's bare loop: throughput", "messages/s", [each.rate for each in bare]),
        figure("the client's bare loop: CPU", "µs a message", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a message", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("rocketmq", f"RocketMQ → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
