"""What Docker's last word of a container means."""

import pytest

from sluice.engine import EndCause
from sluice_runner.docker_instance import end_of


@pytest.mark.parametrize(
    ("state", "stopped", "cause", "text"),
    [
        ({"ExitCode": 3, "OOMKilled": False}, False, EndCause.EXITED, "exit code 3"),
        ({"ExitCode": 137, "OOMKilled": False}, True, EndCause.STOPPED, "exit code 137"),
        ({"ExitCode": 137, "OOMKilled": True}, False, EndCause.OUT_OF_MEMORY, "exit code 137"),
        ({"ExitCode": 126, "OOMKilled": False}, False, EndCause.EXITED, "exit code 126 (its program cannot be executed)"),
        ({}, False, EndCause.EXITED, "its container was removed"),
        ({}, True, EndCause.STOPPED, "its container was removed"),
    ],
)
def test_the_cause_of_an_end(state: dict[str, object], stopped: bool, cause: EndCause, text: str) -> None:
    assert end_of(state, stopped=stopped) == (cause, text)
