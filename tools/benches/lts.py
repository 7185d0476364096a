"""Logs sent by OTLP over HTTP on their way to a function that does nothing, beside bare decoding."""

import json
import subprocess
import sys
import time

from tests.e2e.driver import Sluice
from tests.e2e.pushing import Pusher
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import WITHIN_S, Speed
from tools.benches.lts_loop import TOGETHER, request_of
from tools.benches.processes import used_s
from tools.benches.rabbitmq import MORE_US, until
from tools.benches.setting import RESP, ROOT, Setting, make_function, tree

WARM_LOGS = 10_000
SENDERS = 4
NOTE = (
    "Logs of 112 bytes with four attributes, 500 a request, from four connections; an event holds as many as 75 KB do. Bare decoding is "
    "OpenTelemetry's own protobuf messages and every field of a log read; it does nothing with them. The kind alone makes records and "
    "events of two hundred, with nothing behind it; with `metadata`, or a filter, it makes attributes and resource of each log too. CPU is "
    "Sluice's own; the sender's is not counted."
)


def loop(what: str, logs: int) -> Speed:
    """`bare`, `kind` or `whole`, see `tools.benches.lts_loop`."""
    command = [sys.executable, "-m", "tools.benches.lts_loop", what, str(logs)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
    return Speed(**json.loads(done.stdout))


def sent(sluice: Sluice, urn: str, logs: int) -> Speed:
    """From the first request to the end of the last event. A log that was lost, or failed, is an AssertionError."""
    trigger = sluice.trigger(urn, "LTS", {"log_group_id": "g", "log_topic_id": "t"})
    sluice.until_state(trigger, "running")
    bodies = {start: request_of(range(start, start + TOGETHER)) for start in range(0, logs, TOGETHER)}
    path = f"/sluice/v1/push/lts/{trigger}/v1/logs"
    headers = {"Content-Type": "application/x-protobuf"}
    pusher = Pusher(sluice, path, lambda numbers: bodies[numbers.start], batch=TOGETHER, threads=SENDERS, headers=headers)
    processes = tree(sluice)
    cpu, wall = processes.cpu(), time.monotonic()
    with pusher.sending(logs):
        pass
    ended = until(sluice, trigger, lambda counts: counts["open"] == 0 and counts["success"] > 0)
    seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
    assert ended["failed"] == ended["discarded"] == 0, ended
    sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/LTS/{trigger}")
    return Speed(logs / wall, seconds / logs * 1e6)


def row(setting: Setting) -> Row:
    logs = setting.scaled(200_000, 20_000)
    ours, bare, kind, whole = [], [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        sent(sluice, urn, WARM_LOGS)
        for _ in range(setting.runs):
            ours.append(sent(sluice, urn, logs))
            bare.append(loop("bare", logs))
            kind.append(loop("kind", logs))
            whole.append(loop("whole", logs))
    most = [max(2 * each.cpu_us, each.cpu_us + MORE_US) for each in bare]
    figures = (
        figure("throughput", "logs/s", [each.rate for each in ours]),
        figure("CPU", "µs a log", [each.cpu_us for each in ours]),
        figure("bare decoding: throughput", "logs/s", [each.rate for each in bare]),
        figure("bare decoding: CPU", "µs a log", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a log", [each.cpu_us for each in kind]),
        figure("the kind alone, with metadata: CPU", "µs a log", [each.cpu_us for each in whole]),
        figure("the kind alone, of what it may cost", "x", [one.cpu_us / each for one, each in zip(kind, most, strict=True)], at_most(1)),
        figure("the same with metadata", "x", [one.cpu_us / each for one, each in zip(whole, most, strict=True)], at_most(1)),
    )
    return Row("lts", "OTLP over HTTP → function, async, durable, 75 KB an event, one process", figures, NOTE)
