"""One real `sluice up` for all of these tests, the unmodified SDK in front of it, and functions that start quickly."""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice, zipped
from tests.functiongraph.client import Refusal, Sdk

Deploy = Callable[..., str]


@pytest.fixture(scope="session")
def sluice() -> Iterator[Sluice]:
    """Shared: use names of your own, and leave what others made. Its data lies in /var/tmp, because functions have a private /tmp."""
    with tempfile.TemporaryDirectory(prefix="sluice-api-", dir="/var/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("SLUICE_") and name != "SLUICE_CACHE"]:
            patch.delenv(variable)
        running = Sluice(Path(folder) / "data")
        try:
            running.start()
            yield running
        finally:
            running.close()


@pytest.fixture(scope="session")
def sdk(sluice: Sluice) -> Sdk:
    """With the first admin key."""
    return Sdk(sluice.credentials)


@pytest.fixture
def name() -> str:
    """A function name that nobody else uses."""
    return f"fn-{secrets.token_hex(5)}"


@pytest.fixture(scope="session")
def echo() -> str:
    """The package of the function in tests/functions/echo, Base64: what it is told in the event, it does."""
    return base64.b64encode(zipped(FUNCTIONS / "echo")).decode()


@pytest.fixture
def new_function(name: str, echo: str) -> dict[str, Any]:
    """The body of create_function for that package."""
    return {
        "func_name": name,
        "package": "default",
        "runtime": "Custom Image",
        "handler": "-",
        "timeout": 30,
        "memory_size": 128,
        "code_type": "zip",
        "code_filename": "code.zip",
        "func_code": {"file": echo},
    }


@pytest.fixture
def deploy(sdk: Sdk, new_function: dict[str, Any]) -> Iterator[Deploy]:
    """Makes a function: its URN without a version. Keyword arguments change the body; every function goes with the test."""
    made: list[str] = []

    def make(**settings: Any) -> str:
        settings.setdefault("func_name", f"fn-{secrets.token_hex(5)}")
        urn: str = sdk("create_function", body={**new_function, **settings}).func_urn.removesuffix(":latest")
        made.append(urn)
        return urn

    yield make
    for urn in made:
        with suppress(Refusal):  # the test may have deleted it
            sdk("delete_function", function_urn=urn)


def reconfigure(sdk: Sdk, urn: str) -> None:
    """Change something, so that another version can be published."""
    shown = sdk("show_function_config", function_urn=urn)
    same = {"func_name": shown.func_name, "runtime": shown.runtime, "handler": shown.handler, "timeout": shown.timeout}
    sdk("update_function_config", function_urn=urn, body={**same, "memory_size": 256 if shown.memory_size == 128 else 128})


@pytest.fixture
def function(deploy: Deploy) -> str:
    """The URN, without a version, of a function that is there."""
    return deploy()
