"""The README's tour, typed word for word into two terminals.

Its `console` blocks are the tour: `$ ` lines are typed, the others are what must be shown, in that order, among whatever else is. `…`
stands for anything; times, durations and ids are whatever they are. A comment before a block says what a reader knows: that a command stays
(`first terminal`, `until shown`) or needs a broker (`kafka`).
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

import pytest
from confluent_kafka.admin import AdminClient

from tests.servers import Kafka, free_port_run, is_free

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?:<!-- tour: ([a-z ]+) -->\n)?```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z"
TOKEN = re.compile(rf"({TIME})|(\d+\.\d+ ms)|(…)|( +)|([0-9a-f]{{8}}-(?=…)|(?<=-)[0-9a-f]{{4,6}}(?= ))")
WITHIN_S = 40.0
FIRST, STAYS, KAFKA = "first terminal", "until shown", "kafka"
ASKS = ("sluice explain", "sluice logs", "sluice get", "sluice dead list", "sluice dead show", "sluice doctor")
PORT, BROKER = 8090, "127.0.0.1:9092"


class Typed(NamedTuple):
    command: str
    shown: tuple[str, ...]


class Step(NamedTuple):
    how: str
    commands: tuple[Typed, ...]


def tour(text: str) -> list[Step]:
    return [Step(match[1] or "", tuple(typed(match[2]))) for match in BLOCK.finditer(text)]


def typed(block: str) -> Iterator[Typed]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield Typed(command, tuple(shown))


def pattern(line: str) -> "re.Pattern[str]":
    """What a line of the README may be in reality."""
    forms = (TIME, r"\d+\.\d+ ms", r".*", r"\s+", r"\S+")
    at, parts = 0, []
    for match in TOKEN.finditer(line):
        form = next(form for form, found in zip(forms, match.groups(), strict=True) if found)
        parts += [re.escape(line[at : match.start()]), form]
        at = match.end()
    return re.compile("".join([r"\s*", *parts, re.escape(line[at:]), r"\s*"]))


def missing(shown: Sequence[str], real: str) -> str:
    """The first shown line that the real output does not have after the ones before it; "" if it has all."""
    lines = iter(real.splitlines())
    for line in shown:
        wanted = pattern(line)
        if not any(wanted.fullmatch(found) for found in lines):
            return line
    return ""


class Terminal:
    """A bash that is typed into, or with `script` one that runs a block whose last command stays."""

    def __init__(self, folder: Path, script: str = "", environment: Mapping[str, str] | None = None) -> None:
        self.output = ""
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("SLUICE_", "VIRTUAL_ENV"))}
        self._process = subprocess.Popen(
            ["bash", "--norc", *(["-c", script] if script else [])],
            cwd=folder,
            env={**outer, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._more = threading.Condition()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ctrl-C, and the end of the terminal."""
        os.killpg(self._process.pid, signal.SIGINT)
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(WITHIN_S)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._reading.join()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._more:
                    self.output += line
                    self._more.notify_all()

    def until(self, *shown: str) -> None:
        with self._more:
            assert self._more.wait_for(lambda: not missing(shown, self.output), WITHIN_S), self.output

    def type(self, command: str) -> str:
        """What the command says, whole."""
        begin = len(self.output)
        end = f"--- {time.monotonic_ns()} ---"
        assert self._process.stdin is not None
        # Nobody is there to answer a question.
        self._process.stdin.write(f"eval {shlex.quote(command)} </dev/null; echo; echo '{end}'\n")
        with self._more:
            assert self._more.wait_for(lambda: end in self.output, WITHIN_S), self.output
        return self.output[begin : self.output.rindex(end)]


def check(terminal: Terminal, one: Typed) -> None:
    """Type it and compare; what only asks is asked again until what it asks about has come."""
    deadline = time.monotonic() + WITHIN_S
    while lacking := missing(one.shown, real := terminal.type(one.command)):
        in_time = time.monotonic() < deadline
        assert one.command.startswith(ASKS) * in_time, f"$ {one.command}\n{real}\nlacks: {lacking}"


@pytest.fixture
def clone() -> Iterator[Path]:
    """What a clone has that the tour touches, with a fresh data directory. Not in /tmp, which a function may be given anew."""
    with tempfile.TemporaryDirectory(prefix="sluice-tour-", dir="/var/tmp") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
        yield folder


def instructions(kafka: Kafka) -> list[Step]:
    """The README's; the port and the broker's address are this machine's, where 8090 is taken and a broker is not at 9092."""
    text = (ROOT / "README.md").read_text().replace(BROKER, kafka.bootstrap)
    return tour(text if is_free(PORT) else text.replace(f":{PORT}", f":{free_port_run(1)}"))


def port(steps: Sequence[Step]) -> str:
    return next(found[1] for step in steps for one in step.commands for line in one.shown if (found := re.search(r"up at .*:(\d+)$", line)))


def walk(clone: Path, steps: Sequence[Step]) -> None:
    """Each step in its terminal. The second `first terminal` is Ctrl-C in the first one, and then that."""
    settings = {"SLUICE_LISTEN": f"127.0.0.1:{port(steps)}"}
    with Terminal(clone) as second, ExitStack() as first:
        for step in steps:
            if step.how == FIRST:
                first.close()
                first.enter_context(staying(clone, step, settings))
            elif step.how == STAYS:
                staying(clone, step, {}).__exit__()
            else:
                for one in step.commands:
                    check(second, one)


def staying(clone: Path, step: Step, environment: Mapping[str, str]) -> Terminal:
    """A terminal in which the last command goes on, once it has shown what it must."""
    lines = ["source .venv/bin/activate", *(one.command for one in step.commands)]
    terminal = Terminal(clone, "\n".join(lines), environment)
    try:
        terminal.until(*(line for one in step.commands for line in one.shown))
    except BaseException:
        terminal.__exit__()
        raise
    return terminal


@pytest.mark.timeout(300)
def test_the_tour_works_word_for_word(clone: Path, kafka: Kafka) -> None:
    if "orders" not in AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=20).topics:
        kafka.create_topic("orders")
    yaml = clone / "examples/orders/sluice.yaml"
    yaml.write_text(yaml.read_text().replace(BROKER, kafka.bootstrap))
    steps = instructions(kafka)
    assert {step.how for step in steps} == {"", FIRST, STAYS, KAFKA}
    walk(clone, steps)


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        ("2026-03-02 11:47:56.101Z  accepted", "  2027-01-01 00:00:00.000Z  accepted"),
        ("65cfb50d-… SUCCESS", "0400a149-e068-48f3-85e5-418bfad2edfc SUCCESS"),
        ("ended SUCCESS in 0.8 ms", "ended    SUCCESS in 12.0 ms  "),
        ("stdout   hello-6894e9 said", "stdout   hello-0a1b2c said"),
    ],
)
def test_what_changes_from_run_to_run_may_differ(shown: str, real: str) -> None:
    assert missing([shown], real) == ""


def test_what_is_not_shown_or_not_in_order_is_missing() -> None:
    assert missing(["one", "two"], "zero\none\n1.5\ntwo") == ""
    assert missing(["one", "two"], "two\none") == "two"
    assert missing(["status 200"], "status 500") == "status 200"
