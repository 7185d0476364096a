"""Whoever hands something to the ledger hears of it: also when the ledger itself goes wrong, nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import pytest

from sluice.clock import SteppedClock
from sluice.errors import LedgerDamaged
from sluice.event import Event, random_id
from sluice.ledger import Pending, Push
from sluice_dispatcher.ledger_sqlite.ledger import SqliteLedger, open_ledger
from tests.contracts.ledger import PUSHED, events

WITHIN_S = 10


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = await open_ledger(tmp_path, clock=SteppedClock())
    yield ledger
    await ledger.close()


def fails(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("a bug")


async def everybody(ledger: SqliteLedger) -> list[BaseException | list[Pending]]:
    """The answers to what is handed over in one commit, during it, and after it."""
    async with asyncio.timeout(WITHIN_S):
        asked = [asyncio.ensure_future(ledger.accept(PUSHED, Push(events(1)))) for _ in range(2)]
        await asyncio.sleep(0)
        asked.append(asyncio.ensure_future(ledger.accept(PUSHED, Push(events(1)))))
        await asyncio.wait(asked)
        asked.append(asyncio.ensure_future(ledger.accept(PUSHED, Push(events(1)))))
        return await asyncio.gather(*asked, return_exceptions=True)


@pytest.mark.parametrize("where", ["_book.keep", "_checkpointer.written", "_checkpointer.finish"])
async def test_a_bug_around_a_commit_is_told_to_everybody(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    owner, name = where.split(".")
    monkeypatch.setattr(getattr(ledger, owner), name, fails)
    answers = await everybody(ledger)
    assert [type(answer) for answer in answers] == [LedgerDamaged] * 4
    assert "a bug" in str(answers[0])


async def test_a_bug_while_a_failed_commit_is_taken_back_is_told_to_everybody(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger._book, "flush", fails)
    monkeypatch.setattr(ledger._book, "drop", fails)
    assert [type(answer) for answer in await everybody(ledger)] == [LedgerDamaged] * 4


async def test_an_error_that_no_future_takes_does_not_hold_up_the_others(ledger: SqliteLedger) -> None:
    async with asyncio.timeout(WITHIN_S):
        odd = ledger._commits.submit(lambda: next(iter(())))
        accepted = ledger.accept(PUSHED, Push((Event(random_id(), b"{}"),)))
        with pytest.raises(RuntimeError, match="StopIteration"):
            await odd
        assert len(await accepted) == 1


async def test_who_no_longer_waits_does_not_hold_up_the_others(ledger: SqliteLedger) -> None:
    async with asyncio.timeout(WITHIN_S):
        answers = [asyncio.ensure_future(ledger.accept(PUSHED, Push(events(1)))) for _ in range(30)]
        for gone in answers[::3]:
            gone.cancel()
        await asyncio.sleep(0)
        for gone in answers[1::3]:  # in the middle of the commit
            gone.cancel()
        assert [len(await answer) for answer in answers[2::3]] == [1] * 10
