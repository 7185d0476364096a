"""The embedded ledger against a model of it, through crashes and takeovers at random moments."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sluice.ledger import Ledger
from sluice_dispatcher.ledger_sqlite.ledger import SqliteLedger, open_ledger
from tests.contracts.ledger_machine import LedgerMachine


class SqliteMachine(LedgerMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="ledger-machine-"))
        self.copies = 0

    async def open(self) -> SqliteLedger:
        return await open_ledger(self.directory, clock=self.clock)

    async def crash(self) -> Ledger:
        """A copy of the files as they stand now is what a new process would find."""
        self.copies += 1
        copy = self.directory.with_name(f"{self.directory.name}-{self.copies}")
        shutil.copytree(self.directory, copy)
        await self.ledger.close()
        shutil.rmtree(self.directory)
        self.directory = copy
        return await self.open()

    async def taken_over(self) -> tuple[Ledger, Ledger]:
        return await open_ledger(self.directory, clock=self.clock, take_over=True), self.ledger

    async def abandon(self, zombie: Ledger) -> None:
        await zombie.close()

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.directory)


TestSqliteMachine = pytest.mark.timeout(300)(SqliteMachine.TestCase)
SqliteMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
