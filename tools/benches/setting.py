"""What the rows share: a folder for everything they make, the compiled functions, a broker, and Sluice itself."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Producer

from tests.e2e.driver import Sluice
from tests.servers import Kafka, Mongo, Mosquitto, RabbitMq, RocketMq, ServerMissing
from tools.benches.processes import Tree

ROOT = Path(__file__).resolve().parents[2]
RESP = ROOT / "tests" / "functions" / "resp.c"
ANSWER = Path(__file__).with_name("answer.c")
BODY_BYTES = 1024
LISTENS_WITHIN_S = 5.0
ALL_REACHED_WITHIN_S = 20.0


class Missing(Exception):
    """What a row needs is not there; the message says what. The row is skipped, and the table says why."""


@dataclass
class Setting:
    """The surroundings of one run of the bench. `runs` is how often each figure is taken; `quick` makes everything small."""

    runs: int = 3
    quick: bool = False
    scratch: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sluice-bench-", dir="/var/tmp")))
    _closing: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._closing.callback(shutil.rmtree, self.scratch, ignore_errors=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.close()

    def scaled(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole

    @cached_property
    def kafka(self) -> Kafka:
        server = Kafka(self.scratch / "kafka")
        try:
            server.start()
        except ServerMissing as reason:
            raise Missing(str(reason)) from None
        self._closing.callback(server.kill)
        return server

    @cached_property
    def rabbitmq(self) -> RabbitMq:
        server = RabbitMq(self.scratch / "rabbitmq")
        try:
            server.start()
        except ServerMissing as reason:
            raise Missing(str(reason)) from None
        self._closing.callback(server.kill)
        return server

    @cached_property
    def mongo(self) -> Mongo:
        server = Mongo(self.scratch / "mongo")
        try:
            server.start()
        except ServerMissing as reason:
            raise Missing(str(reason)) from None
        self._closing.callback(server.kill)
        return server

    @cached_property
    def mosquitto(self) -> Mosquitto:
        """It does not save its store while it is measured."""
        server = Mosquitto(self.scratch / "mosquitto", saved_every_s=86_400)
        try:
            server.start()
        except ServerMissing as reason:
            raise Missing(str(reason)) from None
        self._closing.callback(server.kill)
        return server

    @cached_property
    def rocketmq(self) -> RocketMq:
        server = RocketMq(self.scratch / "rocketmq")
        try:
            server.start()
        except ServerMissing as reason:
            raise Missing(str(reason)) from None
        self._closing.callback(server.kill)
        return server

    def topic(self, records: int, partitions: int = 4) -> str:
        """A topic that holds so many records of 1 KiB."""
        topic = self.kafka.create_topic(partitions=partitions)
        producer = Producer(
            {"bootstrap.servers": self.kafka.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": records + 1, "log_level": 0}
        )
        for number in range(records):
            producer.produce(topic, b"%010d" % number + b"x" * (BODY_BYTES - 10), partition=number % partitions)
        assert producer.flush(60) == 0, "the broker did not take all records"
        return topic

    def compiled(self, source: Path) -> Path:
        """The folder of a function made from one C file."""
        folder = self.scratch / source.stem
        if not folder.exists():
            compiler = shutil.which("gcc")
            if compiler is None:
                raise Missing("gcc is not installed: run make servers")
            folder.mkdir()
            subprocess.run([compiler, "-O2", "-o", str(folder / "bootstrap"), str(source)], check=True)
        return folder

    @contextmanager
    def sluice(self, *, mesh: bool = False, data: Path | None = None) -> Iterator[Sluice]:
        """A running Sluice on a data directory of its own."""
        own = Path(tempfile.mkdtemp(dir=self.scratch)) / "data"
        sluice = Sluice(data or own, mesh=mesh)
        try:
            sluice.start()
            await_services(sluice)
            yield sluice
        finally:
            sluice.close()
            shutil.rmtree(own.parent, ignore_errors=True)


def await_services(sluice: Sluice) -> None:
    """In the mesh the gateway may answer before control has reached the dispatcher."""
    deadline = time.monotonic() + ALL_REACHED_WITHIN_S
    while (answer := sluice.send("GET", f"/sluice/v1/{sluice.project}/triggers"))[0] != 200:
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)


def tree(sluice: Sluice) -> Tree:
    assert sluice.process is not None
    return Tree(sluice.process.pid)


def make_function(sluice: Sluice, name: str, folder: Path, *, instances: int = 1, **settings: Any) -> str:
    """A function with 64 calls at once an instance; its URN without a version. `settings` are more of its configuration."""
    strategy = {"concurrency": instances, "concurrent_num": 64}
    return sluice.function(name, folder, strategy_config=strategy, **settings)


@contextmanager
def bare_function(folder: Path) -> Iterator[int]:
    """The function alone on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([str(folder / "bootstrap")], env={"PORT": str(port), "PATH": os.defpath})
    try:
        await_port(port)
        yield port
    finally:
        process.kill()
        process.wait()


def await_port(port: int) -> None:
    deadline = time.monotonic() + LISTENS_WITHIN_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.001)
    raise TimeoutError(f"nothing listens on {port}")
