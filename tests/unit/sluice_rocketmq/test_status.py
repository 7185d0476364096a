"""What a server's status means."""

import pytest

from sluice.errors import SourceLost, SourceRefused
from sluice_rocketmq.status import error_of


@pytest.mark.parametrize(
    ("code", "setting"), [(40100, "secret_key"), (40402, "topic"), (40010, "filter_expression"), (40003, "consumer_group")]
)
def test_what_only_a_changed_setting_helps_names_the_setting(code: int, setting: str) -> None:
    error = error_of(code, "said", "topic jobs")
    assert isinstance(error, SourceRefused)
    assert setting in str(error)
    assert "said" in str(error)


@pytest.mark.parametrize("code", [42900, 50001, 50400, 12345])
def test_everything_else_passes(code: int) -> None:
    assert isinstance(error_of(code, "said", "topic jobs"), SourceLost)
