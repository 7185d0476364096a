"""Changes of a collection on their way to a function that does nothing, beside the driver's bare loop."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient

from tests.e2e.driver import Sluice
from tests.servers import Mongo
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, LOOK_S, WITHIN_S, Speed
from tools.benches.mongo_loop import BATCH, DATABASE
from tools.benches.processes import used_s
from tools.benches.setting import BODY_BYTES, RESP, ROOT, Setting, make_function, tree

CHUNK = 500
MORE_US = 8.0
"""What the kind may cost beside the driver's bare loop, or as much again, whichever is more."""
NOTE = (
    "Insertions of documents of 1 KiB, read from the stand-in for MongoDB. The bare loop is PyMongo's change stream on uvloop, a thousand "
    "changes at a time; it does nothing with them. The kind alone reads, makes records and events of fifty, with nothing behind it. CPU is "
    "Sluice's own; the server's is not counted."
)


class Changes:
    """A collection, and from when on it was written; read as often as is wanted."""

    def __init__(self, server: Mongo, changes: int) -> None:
        self._server = server
        self._collection = f"changes-{secrets.token_hex(4)}"
        self._changes = changes
        self._seconds = int(time.time())
        with MongoClient[dict[str, Any]](server.address) as client:
            for start in range(0, changes, CHUNK):
                numbers = range(start, min(start + CHUNK, changes))
                client[DATABASE][self._collection].insert_many([{"_id": number, "body": "x" * BODY_BYTES} for number in numbers])

    def read_by(self, what: str) -> Speed:
        """`bare` or `kind`, see `tools.benches.mongo_loop`."""
        words = [self._server.address, self._collection, str(self._seconds), str(self._changes)]
        command = [sys.executable, "-m", "tools.benches.mongo_loop", what, *words]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
        return Speed(**json.loads(done.stdout))

    def read_by_sluice(self, sluice: Sluice, urn: str) -> Speed:
        """Between a twentieth and the last twentieth of the events. A change that was lost, or failed, is an AssertionError."""
        fewest = self._changes // BATCH
        begins = {"start_position": "timestamp", "start_timestamp": self._seconds * 1000}
        where = {"instance_addrs": [self._server.address], "db_name": DATABASE, "collection_name": self._collection}
        trigger = sluice.trigger(urn, "DDS", {**where, **begins, "batch_size": BATCH})
        processes = tree(sluice)
        before = until(sluice, trigger, lambda counts: counts["success"] >= FIRST * fewest)
        cpu, wall = processes.cpu(), time.monotonic()
        after = until(sluice, trigger, lambda counts: counts["success"] >= LAST * fewest)
        seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
        ended = until(sluice, trigger, lambda counts: counts["open"] == 0 and counts["success"] >= fewest)
        assert ended["failed"] == ended["discarded"] == 0, ended
        changes = (after["success"] - before["success"]) * self._changes / ended["success"]
        sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/DDS/{trigger}")
        return Speed(changes / wall, seconds / changes * 1e6)


def until(sluice: Sluice, trigger: str, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    deadline = time.monotonic() + WITHIN_S
    while not condition(counts := sluice.counts(trigger)):
        assert time.monotonic() < deadline, counts
        time.sleep(LOOK_S)
    return counts


def row(setting: Setting) -> Row:
    changes = Changes(setting.mongo, setting.scaled(30_000, 10_000))
    ours, bare, kind = [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        changes.read_by_sluice(sluice, urn)
        for _ in range(setting.runs):
            ours.append(changes.read_by_sluice(sluice, urn))
            bare.append(changes.read_by("bare"))
            kind.append(changes.read_by("kind"))
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "changes/s", [each.rate for each in ours]),
        figure("CPU", "µs a change", [each.cpu_us for each in ours]),
        figure("the driver's bare loop: throughput", "changes/s", [each.rate for each in bare]),
        figure("the driver's bare loop: CPU", "µs a change", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a change", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("mongo", f"MongoDB → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
