"""What was acknowledged before a kill -9 is there after it; a process that stood still past its lease changes nothing."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from sluice.clock import SteppedClock, SystemClock
from sluice.errors import AlreadyRunning
from sluice.ledger import DeadFilter, Ledger, Pending
from sluice_dispatcher.ledger_sqlite.ledger import open_ledger
from tests.crash.ledger_child import FUNCTION, SOURCE
from tests.waiting import until

KILLS = 12
ROOT = Path(__file__).parents[2]


class Child:
    """The process under test and what it has told so far."""

    def __init__(self, directory: Path, first: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.ledger_child", str(directory), str(first)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: list[list[str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.told.append(line.split())

    def has_told(self, lines: int) -> bool:
        return len(self.told) >= lines

    def words(self, what: str) -> list[str]:
        return [line[1] for line in self.told if line[0] == what]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def end(self) -> None:
        """Whatever state it is in."""
        if self._process.poll() is None:
            self._process.kill()
            self.wait()

    def wait(self) -> str:
        """What it said on standard error."""
        assert self._process.stderr is not None
        errors = self._process.stderr.read()
        self._process.wait(20)
        self._reader.join(20)
        self._process.stderr.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return errors


Start = Callable[[Path, int], Child]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts children, and leaves none behind."""
    children: list[Child] = []

    def begin(directory: Path, first: int) -> Child:
        children.append(Child(directory, first))
        return children[-1]

    yield begin
    for child in children:
        child.end()


async def pending(ledger: Ledger) -> list[Pending]:
    found: list[Pending] = []
    after, more = 0, True
    while more:
        page = await ledger.read(FUNCTION, after, 1_000, 1 << 24)
        found += page.events
        after, more = page.next, page.next > 0
    return found


async def everything_acknowledged_is_there(directory: Path, child: Child, ended: set[int], dead: set[str]) -> int:
    """Judges one round; how many pushes were acknowledged or found."""
    ledger = await open_ledger(directory, clock=SystemClock())
    try:
        claim = await ledger.claim(SOURCE)
        accepted = max((int(to) for to in child.words("accepted")), default=0)
        assert int(claim.position or 0) >= accepted
        open_events = await pending(ledger)
        sequences = {one.sequence for one in open_events}
        assert not sequences & ended
        dead_events = await ledger.dead(DeadFilter(), 0, 1_000_000)
        assert dead <= {one.event.id.hex() for one in dead_events}
        counts = ledger.counts()
        assert counts["crash"].received == int(claim.position or 0)
        assert sum(one.open for one in counts.values()) == len(open_events)
        records = [one.event.body for one in open_events] + [one.event.body for one in dead_events]
        assert len(set(records)) == len(records)
        pushes = counts["pushed"].received if "pushed" in counts else 0
        assert pushes >= max((int(number) + 1 for number in child.words("pushed")), default=0)
        return pushes
    finally:
        await ledger.close()


@pytest.mark.timeout(180)
async def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path: Path, start: Start) -> None:
    chance = random.Random(7)
    pushes = 0
    ended: set[int] = set()
    dead: set[str] = set()
    for _ in range(KILLS):
        child = start(tmp_path, pushes)
        moment = chance.randrange(1, 300)
        await until(partial(child.has_told, moment), 30)
        child.signal(signal.SIGKILL)
        child.wait()
        ended |= {int(sequence) for sequence in child.words("ended")}
        dead |= set(child.words("dead"))
        pushes = await everything_acknowledged_is_there(tmp_path, child, ended, dead)
    assert ended
    assert dead


async def test_a_death_between_commit_and_answer_leaves_the_slice_accepted_once(tmp_path: Path, start: Start) -> None:
    """The position a new claim is given includes what was committed, told or not; going on from it repeats nothing."""
    child = start(tmp_path, 0)
    await until(lambda: len(child.words("accepted")) > 20, 30)
    child.signal(signal.SIGSTOP)
    child.signal(signal.SIGKILL)
    child.wait()
    ledger = await open_ledger(tmp_path, clock=SystemClock())
    claim = await ledger.claim(SOURCE)
    told = max(int(to) for to in child.words("accepted"))
    assert int(claim.position or 0) >= told
    assert ledger.counts()["crash"].received == int(claim.position or 0)
    await ledger.close()


async def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path, start: Start) -> None:
    ledger = await open_ledger(tmp_path, clock=SystemClock())
    child = start(tmp_path, 0)
    errors = child.wait()
    assert "AlreadyRunning" in errors
    assert f"process {os.getpid()}, started 2" in errors
    await ledger.close()


async def test_a_process_that_stood_still_past_its_lease_changes_nothing(tmp_path: Path, start: Start) -> None:
    child = start(tmp_path, 0)
    await until(lambda: len(child.words("accepted")) > 20, 30)
    ledger = await take_over_from_a_stopped_process(tmp_path, child)
    before = (ledger.counts(), {one.sequence for one in await pending(ledger)})
    child.signal(signal.SIGCONT)
    errors = child.wait()
    assert "has taken the ledger over" in errors
    assert ({one.sequence for one in await pending(ledger)}) == before[1]
    await ledger.close()
    ledger = await open_ledger(tmp_path, clock=SystemClock())
    assert ledger.counts() == before[0]
    assert {one.sequence for one in await pending(ledger)} == before[1]
    await ledger.close()


async def take_over_from_a_stopped_process(directory: Path, child: Child) -> Ledger:
    """A process may stop in the middle of a commit, and then holds the file's own lock: let it go on a little and stop it again."""
    late = SteppedClock(SystemClock().time() + 60)
    for _ in range(50):
        child.signal(signal.SIGSTOP)
        with pytest.raises(AlreadyRunning):
            await open_ledger(directory, clock=SystemClock())
        try:
            return await open_ledger(directory, clock=late, take_over=True)
        except AlreadyRunning:
            told = len(child.told)
            child.signal(signal.SIGCONT)
            await until(partial(child.has_told, told + 1), 10)
    raise AssertionError("the stopped process held the file's lock each time")
