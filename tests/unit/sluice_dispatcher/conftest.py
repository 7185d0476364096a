"""What the tests of the dispatcher share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.sluice_dispatcher.mesh import Mesh


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    mesh = Mesh(tmp_path / "ledger")
    await mesh.start()
    yield mesh
    await mesh.stop()
