"""A running `sluice up`, in one process and as a mesh, and a function that remembers."""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice, Witness


@contextmanager
def running_sluice(mesh: bool, disk: Callable[[Path], AbstractContextManager[None]] | None = None) -> Iterator[Sluice]:
    """Started. Its data lies in /var/tmp, because a function may be given a private /tmp; `disk` may put one of its own there."""
    with tempfile.TemporaryDirectory(prefix="sluice-e2e-", dir="/var/tmp") as folder, disk(Path(folder)) if disk else nullcontext():
        running = Sluice(Path(folder) / "data", mesh=mesh)
        try:
            running.start()
            yield running
        finally:
            running.close()


@pytest.fixture(params=["one process", "mesh"], scope="module")
def shared_sluice(request: pytest.FixtureRequest) -> Iterator[Sluice]:
    """One for all tests of a module, because a mesh takes seconds to start."""
    with running_sluice(request.param == "mesh") as running:
        yield running


@pytest.fixture
def sluice(shared_sluice: Sluice) -> Iterator[Sluice]:
    """Running at the start of every test, whatever the one before did to it. Its log is shown beside a failure."""
    if not shared_sluice.is_running():
        shared_sluice.start()
    before = shared_sluice.log.stat().st_size
    yield shared_sluice
    print(shared_sluice.log.read_bytes()[before:][-8_000:].decode(errors="replace"))  # noqa: T201 - pytest keeps it for failures


@pytest.fixture
def witness() -> Iterator[Witness]:
    seen = Witness()
    yield seen
    seen.close()


MakeFunction = Callable[..., str]


@pytest.fixture
def make_function(sluice: Sluice, witness: Witness) -> Iterator[MakeFunction]:
    """Makes a `witness` function: its URN. Keyword arguments are its configuration. It goes with the test, and its triggers with it."""
    made: list[str] = []

    def make(*, instances: int = 2, each: int = 16, delay_ms: int = 0, **settings: object) -> str:
        name = f"seen-{secrets.token_hex(4)}"
        environment = {**witness.environment, "DELAY_MS": str(delay_ms)}
        urn = sluice.function(name, FUNCTIONS / "witness", environment=environment, **settings)
        made.append(urn)
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

    yield make
    for urn in made:
        with suppress(OSError):  # it may be down, and then the next test begins with a start
            sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/{urn}")


@pytest.fixture(autouse=True, scope="module")
def _no_settings_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SLUICE_") and name != "SLUICE_CACHE"]:
            patch.delenv(name)
        yield
