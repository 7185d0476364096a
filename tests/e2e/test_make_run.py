"""What `make run` shows, on a real broker, and what it leaves behind: nothing."""

import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Self

import pytest
from confluent_kafka import Producer

from tests.servers import Kafka

RUN = Path(__file__).resolve().parents[2] / "tools/run.py"
WITHIN_S = 60.0
MARK = "TEST_OF_MAKE_RUN"


class Running:
    """tools/run.py in a folder of its own, and the lines it prints."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        outer = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        self.process = subprocess.Popen(
            [sys.executable, str(RUN)],
            cwd=folder,
            env={**outer, **environment, MARK: self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.seen: list[str] = []
        self._lines: Queue[str] = Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))

    def until(self, pattern: str) -> "re.Match[str]":
        """The next line that matches."""
        while True:
            line = self._lines.get(timeout=WITHIN_S)
            self.seen.append(line)
            if found := re.search(pattern, line):
                return found

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(WITHIN_S)

    def left(self) -> list[str]:
        """Processes of it that still run: with its environment, or instances of its functions."""
        data = (self.folder / ".sluice/run").resolve()
        marks = (f"{MARK}={self.mark}".encode(), f"={hashlib.sha256(str(data).encode()).hexdigest()[:8]}/".encode())
        return [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if any(mark in environment(path) for mark in marks)]


def environment(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not in /tmp, which a function may be given anew."""
    with tempfile.TemporaryDirectory(prefix="sluice-run-", dir="/var/tmp") as name:
        yield Path(name)


def test_events_of_all_three_sources_are_shown_and_the_end_is_clean(folder: Path, kafka: Kafka) -> None:
    topic = kafka.create_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce(topic, "before it started")
    producer.flush()
    with Running(folder, KAFKA=kafka.bootstrap, TOPIC=topic) as running:
        curl = running.until(r"^  (curl -d .*/hello)$")[1]
        running.until(rf"SUCCESS  kafka {topic} +-> hello  \S+  status 200")
        running.until(r"SUCCESS  timer tick +-> hello  \S+  status 200")
        answer = subprocess.run(shlex.split(curl), capture_output=True, check=True, timeout=WITHIN_S).stdout
        running.until(rf"SUCCESS  http /hello +-> hello  {json.loads(answer)['request_id']}  status 200")
        producer.produce(topic, "while it runs")
        producer.flush()
        running.until(rf"SUCCESS  kafka {topic}")
        assert running.interrupt() == 0
    assert running.left() == []


def test_a_second_run_goes_on_with_the_first_ones_data_and_without_its_topic(folder: Path) -> None:
    with Running(folder, KAFKA="127.0.0.1:1", TOPIC="nowhere") as first:
        first.until(r"^ +kafka nowhere: 127\.0\.0\.1:1: .*[Rr]efused")
        assert first.interrupt() == 0
    with Running(folder) as second:
        second.until(r"SUCCESS  timer tick")
        assert second.interrupt() == 0
    assert not [line for line in second.seen if "nowhere" in line]


def test_a_broker_without_a_topic_is_refused_in_one_line(folder: Path) -> None:
    with Running(folder, KAFKA="127.0.0.1:9092") as running:
        assert running.process.wait(WITHIN_S) == 1
        running.until(r"^make run: KAFKA=host:port and TOPIC=name go together")


def test_data_that_is_held_is_named(folder: Path) -> None:
    with Running(folder) as first:
        first.until(r"SUCCESS  timer tick")
        with Running(folder) as second:
            assert second.process.wait(WITHIN_S) == 1
            second.until(r"is held by process")
        assert first.interrupt() == 0
