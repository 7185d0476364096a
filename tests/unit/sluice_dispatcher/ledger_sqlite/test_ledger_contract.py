"""The embedded ledger and the fake keep the same contract."""

from sluice.ledger import Ledger
from sluice_dispatcher.ledger_sqlite.ledger import open_ledger
from tests.contracts.fake_ledger import FakeLedger
from tests.contracts.ledger import LedgerContract


class TestSqliteLedger(LedgerContract):
    async def open(self) -> Ledger:
        return await open_ledger(self.directory, clock=self.clock)

    async def restart(self) -> Ledger:
        await self.ledger.close()
        return await self.open()


class TestFakeLedger(LedgerContract):
    async def open(self) -> Ledger:
        return FakeLedger(self.clock)

    async def restart(self) -> Ledger:
        assert isinstance(self.ledger, FakeLedger)
        return self.ledger.reopened()
