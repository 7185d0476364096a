"""Signed messages of a topic on their way to a function that does nothing, beside the bare check of their signatures."""

import json
import subprocess
import sys
import time

from tests.e2e.driver import Sluice
from tests.e2e.pushing import Pusher
from tests.smn import TOPIC, Signer, TopicServer
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import LOOK_S, WITHIN_S, Speed
from tools.benches.processes import used_s
from tools.benches.rabbitmq import MORE_US
from tools.benches.setting import RESP, ROOT, Setting, make_function, tree
from tools.benches.smn_loop import BATCH, BODY_BYTES

CERTIFICATE = "/bench.pem"
THREADS = 16
NOTE = (
    "Messages of 1 KiB in envelopes of SNS, signed with RSA of 2,048 bits and SHA-256, a request for each, over 16 connections; their "
    "sender is Python, and bounds how many come. The bare check decodes a message and has `cryptography` verify it. The kind alone checks, "
    "makes records and events of fifty, and answers, with nothing behind it. CPU is Sluice's own."
)


class Messages:
    """Signed once, for all measurements; each measurement has a trigger of its own, to which they are new."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.topics = TopicServer()
        signer = Signer()
        self.topics.pages[CERTIFICATE] = (200, signer.pem)
        own = {"SigningCertURL": self.topics.origin + CERTIFICATE, "Subject": "host-3"}
        self._bodies = [json.dumps(signer.notification("x" * BODY_BYTES, f"n-{number}", **own)).encode() for number in range(count)]

    def make(self, numbers: range) -> bytes:
        return self._bodies[numbers.start]

    def taken_by_sluice(self, sluice: Sluice, urn: str) -> Speed:
        own = {"topic_urn": TOPIC, "certificate_hosts": [self.topics.origin], "batch_size": BATCH, "linger": 0.02, "max_age_s": 86_400}
        trigger = sluice.trigger(urn, "SMN", own)
        sluice.until_state(trigger, "running")
        push = Pusher(sluice, f"/sluice/v1/push/smn/{trigger}", self.make, batch=1, threads=THREADS)
        processes = tree(sluice)
        cpu, wall = processes.cpu(), time.monotonic()
        with push.sending(self.count):
            pass
        wall = time.monotonic() - wall
        until_ended(sluice, trigger)
        seconds = used_s(cpu, processes.cpu())
        sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/SMN/{trigger}")
        return Speed(self.count / wall, seconds / self.count * 1e6)


def until_ended(sluice: Sluice, trigger: str) -> None:
    """A message that failed is an AssertionError."""
    deadline = time.monotonic() + WITHIN_S
    while (counts := sluice.counts(trigger))["open"] or not counts["success"]:
        assert time.monotonic() < deadline, counts
        time.sleep(LOOK_S)
    assert counts["failed"] == counts["discarded"] == 0, counts


def alone(what: str, messages: int) -> Speed:
    """`bare` or `kind`, see `tools.benches.smn_loop`."""
    command = [sys.executable, "-m", "tools.benches.smn_loop", what, str(messages)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
    return Speed(**json.loads(done.stdout))


def row(setting: Setting) -> Row:
    count = setting.scaled(10_000, 2_000)
    ours, bare, kind = [], [], []
    messages = Messages(count)
    with messages.topics.serving(), setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        for _ in range(setting.runs):
            ours.append(messages.taken_by_sluice(sluice, urn))
            bare.append(alone("bare", count))
            kind.append(alone("kind", count))
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "messages/s", [each.rate for each in ours]),
        figure("CPU", "µs a message", [each.cpu_us for each in ours]),
        figure("the bare check: CPU", "µs a message", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a message", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("smn", f"signed messages of a topic → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
