"""What a server's reason means for us."""

import pytest

from sluice.errors import SourceLost, SourceRefused
from sluice_mqtt import reasons


@pytest.mark.parametrize(
    ("reason", "said"), [(4, "bad user name or password"), (5, "not authorized"), (0x87, "not authorized"), (1, "protocol")]
)
def test_a_login_that_only_a_setting_mends_is_refused_by_name(reason: int, said: str) -> None:
    error = reasons.of_login(reason, "", "a:1")
    assert isinstance(error, SourceRefused)
    assert said in str(error)


@pytest.mark.parametrize("reason", [3, 0x88, 0x89, 0x97, 0x9F, 0xF0])
def test_a_login_that_may_work_later_is_lost(reason: int) -> None:
    assert isinstance(reasons.of_login(reason, "", "a:1"), SourceLost)


@pytest.mark.parametrize("reason", [0x80, 0x87, 0x8F, 0x9E, 0xA2])
def test_a_filter_that_is_refused_is_named_with_the_servers_words(reason: int) -> None:
    error = reasons.of_subscription(reason, "no such thing", "a/#")
    assert isinstance(error, SourceRefused)
    assert "'a/#'" in str(error)
    assert "no such thing" in str(error)


def test_an_end_is_a_loss_unless_it_answers_what_was_asked() -> None:
    assert isinstance(reasons.of_end(0x8E, "", "a:1", asked=False), SourceLost)
    assert isinstance(reasons.of_end(0x87, "", "a:1", asked=False), SourceLost)
    assert isinstance(reasons.of_end(0x81, "", "a:1", asked=True), SourceRefused)
