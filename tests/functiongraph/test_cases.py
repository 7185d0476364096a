"""Generated requests meet no server error, and no answer that the API's document does not announce."""

import os
import re

import pytest

from tests.e2e.conftest import running_sluice
from tests.functiongraph.cases import send


@pytest.mark.timeout(240)
def test_generated_requests_are_answered_as_the_document_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The long run is `python -m tests.functiongraph.cases DATA 400`. In a Sluice of its own: among the requests are more wrong logins
    than an address may have."""
    for variable in [name for name in os.environ if name.startswith("SLUICE_") and name != "SLUICE_CACHE"]:
        monkeypatch.delenv(variable)
    with running_sluice(mesh=False) as running:
        done = send(running.data / "credentials.json", 12, seed=4)
    assert done.returncode == 0, done.stdout[-12_000:]
    sent = re.search(r"(\d+) generated", done.stdout)
    assert sent is not None
    assert int(sent[1]) > 2_000
