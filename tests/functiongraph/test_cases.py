"""Generated requests meet no server error, and no answer that the API's document does not announce."""

import re

import pytest

from tests.e2e.driver import Sluice
from tests.functiongraph.cases import send


@pytest.mark.timeout(240)
def test_generated_requests_are_answered_as_the_document_says(sluice: Sluice) -> None:
    """The long run is `python -m tests.functiongraph.cases DATA 400`."""
    done = send(sluice.data / "credentials.json", 12, seed=4)
    assert done.returncode == 0, done.stdout[-12_000:]
    sent = re.search(r"(\d+) generated", done.stdout)
    assert sent is not None
    assert int(sent[1]) > 2_000
