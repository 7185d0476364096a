"""What a process that did not start says by its exit code."""

import pytest

from sluice.errors import AlreadyRunning, ConfigurationError, LedgerDamaged, SluiceError, Unavailable
from sluice_cli.refusal import FAILED, HELD, REFUSED, exit_code, told_by


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), REFUSED),
        (LedgerDamaged("x"), REFUSED),
        (AlreadyRunning("x"), HELD),
        (Unavailable("x"), FAILED),
    ],
)
def test_the_exit_code_says_whether_to_try_again(error: SluiceError, code: int) -> None:
    assert exit_code(error) == code


def test_what_a_group_says_is_what_its_errors_say() -> None:
    first, second = ConfigurationError("first"), Unavailable("second")
    assert told_by(ExceptionGroup("", [first, ExceptionGroup("", [second])])) == [first, second]


def test_a_group_with_a_bug_in_it_stays_a_bug() -> None:
    group = ExceptionGroup("", [ConfigurationError("first"), ValueError("bug")])
    with pytest.raises(ExceptionGroup) as raised:
        told_by(group)
    assert raised.value is group
