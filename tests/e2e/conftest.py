"""A running `sluice up` for each test, in one process and as a mesh, and a function that remembers."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice, Witness


@pytest.fixture(params=["one process", "mesh"])
def sluice(request: pytest.FixtureRequest) -> Iterator[Sluice]:
    """Started. Its data lies in /var/tmp, because a function may be given a private /tmp."""
    with tempfile.TemporaryDirectory(prefix="sluice-e2e-", dir="/var/tmp") as folder:
        running = Sluice(Path(folder) / "data", mesh=request.param == "mesh")
        running.start()
        try:
            yield running
        finally:
            running.close()


@pytest.fixture
def witness() -> Iterator[Witness]:
    seen = Witness()
    yield seen
    seen.close()


MakeFunction = Callable[..., str]


@pytest.fixture
def make_function(sluice: Sluice, witness: Witness) -> MakeFunction:
    """Makes a `witness` function: its URN. Keyword arguments are its configuration."""

    def make(name: str = "seen", *, instances: int = 2, each: int = 16, delay_ms: int = 0, **settings: object) -> str:
        environment = {**witness.environment, "DELAY_MS": str(delay_ms)}
        urn = sluice.function(name, FUNCTIONS / "witness", environment=environment, **settings)
        configuration = {
            "func_name": name,
            "runtime": "Custom Image",
            "handler": "-",
            "timeout": 30,
            "memory_size": 128,
            "strategy_config": {"concurrency": instances, "concurrent_num": each},
            **settings,
        }
        sluice.api("PUT", f"/fgs/functions/{urn}/config", configuration)
        return urn

    return make


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SLUICE_") and name != "SLUICE_CACHE"]:
        monkeypatch.delenv(name)
