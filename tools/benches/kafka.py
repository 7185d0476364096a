"""Records of a full topic on their way to a function that does nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec

from tests.e2e.driver import Sluice
from tools.benches.figure import Figure, Row, at_least, at_most, figure
from tools.benches.processes import used_s
from tools.benches.setting import RESP, ROOT, Setting, bare_function, make_function, tree

TYPE = "OPENSOURCEKAFKA"
LOOK_S = 0.05
WITHIN_S = 180.0
FIRST, LAST = 0.05, 0.95
"""Shares of all events between which the clock runs: neither start nor end of a trigger is measured."""
WARM_RECORDS = 10_000


class Speed(msgspec.Struct, frozen=True):
    """Of one run: what a second carries and what one record costs (CPU microseconds)."""

    rate: float
    cpu_us: float


class Stream:
    """A trigger that reads a topic from its beginning until all of it has ended."""

    def __init__(self, sluice: Sluice, urn: str, bootstrap: str, topic: str, records: int, batch: int = 1) -> None:
        self._sluice = sluice
        self._urn = urn
        self._records = records
        self._fewest = -(-records // batch)
        """Events, if every batch is full."""
        settings = {"kafka_connect_address": bootstrap, "topic_ids": [topic], "batch_size": batch, "start_position": "earliest"}
        self._trigger = sluice.trigger(urn, TYPE, settings)

    def run(self) -> Speed:
        """The speed between a twentieth and the last twentieth. A record that was lost, or failed, is an AssertionError."""
        processes = tree(self._sluice)
        before = self._until(lambda counts: counts["success"] >= FIRST * self._fewest)
        cpu, wall = processes.cpu(), time.monotonic()
        after = self._until(lambda counts: counts["success"] >= LAST * self._fewest)
        seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
        ended = self._until(self._all_ended)
        assert ended["failed"] == ended["discarded"] == 0, ended
        assert ended["received"] == ended["success"] >= self._fewest, ended
        records = (after["success"] - before["success"]) * self._records / ended["success"]
        self._sluice.api("DELETE", f"/fgs/triggers/{self._urn}:latest/{TYPE}/{self._trigger}")
        return Speed(records / wall, seconds / records * 1e6)

    def _all_ended(self, counts: dict[str, int]) -> bool:
        return counts["lag"] == 0 and counts["open"] == 0 and counts["success"] >= self._fewest

    def _until(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        deadline = time.monotonic() + WITHIN_S
        while not condition(counts := self._sluice.counts(self._trigger)):
            assert time.monotonic() < deadline, counts
            time.sleep(LOOK_S)
        return counts


def handwritten(setting: Setting, topic: str, records: int, port: int) -> Speed:
    """The hand-written consumer on the same topic, in a process of its own."""
    command = [sys.executable, "-m", "tools.benches.handwritten", setting.kafka.bootstrap, topic, f"http://127.0.0.1:{port}/invoke"]
    done = subprocess.run([*command, str(records)], cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
    return Speed(**json.loads(done.stdout))


def one_process(setting: Setting) -> Row:
    """Batch size 1, beside the hand-written consumer, turn and turn about."""
    records, by_hand = setting.scaled(80_000, 30_000), setting.scaled(20_000, 8_000)
    ours, theirs = [], []
    function = setting.compiled(RESP)
    topic, small = setting.topic(records), setting.topic(by_hand)
    with setting.sluice() as sluice, bare_function(function) as port:
        urn = warmed(setting, sluice)
        for _ in range(setting.runs):
            ours.append(Stream(sluice, urn, setting.kafka.bootstrap, topic, records).run())
            theirs.append(handwritten(setting, small, by_hand, port))
    ratios = [one.rate / other.rate for one, other in zip(ours, theirs, strict=True)]
    figures = (
        *_figures(ours, rate=20_000, cpu_us=50),
        figure("times the hand-written consumer", "x", ratios, at_least(2.5)),
        figure("hand-written: throughput", "events/s", [each.rate for each in theirs]),
        figure("hand-written: CPU", "µs an event", [each.cpu_us for each in theirs]),
    )
    return Row("kafka", "Kafka → function, async, durable, batch_size 1, one process", figures)


def mesh(setting: Setting) -> Row:
    records = setting.scaled(60_000, 20_000)
    speeds = []
    with setting.sluice(mesh=True) as sluice:
        urn = warmed(setting, sluice)
        topic = setting.topic(records)
        speeds = [Stream(sluice, urn, setting.kafka.bootstrap, topic, records).run() for _ in range(setting.runs)]
    figures = _figures(speeds, rate=15_000, cpu_us=85)
    return Row("mesh", "the same in the mesh (trigger, dispatcher, runner as processes)", figures)


def batches(setting: Setting) -> Row:
    records = setting.scaled(400_000, 150_000)
    with setting.sluice() as sluice:
        urn = warmed(setting, sluice)
        topic = setting.topic(records)
        speeds = [Stream(sluice, urn, setting.kafka.bootstrap, topic, records, 100).run() for _ in range(setting.runs)]
    return Row("batch", "batch_size 100, 1 KiB records", _figures(speeds, rate=80_000, cpu_us=12, unit="record"))


def warmed(setting: Setting, sluice: Sluice) -> str:
    """A function that has already been called; its URN."""
    urn = make_function(sluice, "bench", setting.compiled(RESP))
    Stream(sluice, urn, setting.kafka.bootstrap, setting.topic(WARM_RECORDS), WARM_RECORDS).run()
    return urn


def _figures(speeds: list[Speed], *, rate: float, cpu_us: float, unit: str = "event") -> tuple[Figure, Figure]:
    return (
        figure("throughput", f"{unit}s/s", [each.rate for each in speeds], at_least(rate)),
        figure("CPU", f"µs {'an' if unit == 'event' else 'a'} {unit}", [each.cpu_us for each in speeds], at_most(cpu_us)),
    )
