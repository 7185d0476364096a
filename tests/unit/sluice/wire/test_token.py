"""Service tokens."""

import pytest

from sluice.errors import ConfigurationError
from sluice.wire.faults import Unauthenticated
from sluice.wire.token import ServiceToken, check, issue, token_for

SECRET, OTHER = b"a secret of the mesh", b"another one of sixteen"
TOKEN = ServiceToken("kafka", frozenset({"Dispatcher.Deliver", "Catalog.*"}), frozenset({"kafka"}), "p", 100.0)


def test_a_token_says_what_was_signed() -> None:
    assert check(issue(TOKEN, SECRET), [SECRET], 99.0) == TOKEN


def test_while_a_secret_is_replaced_both_are_good() -> None:
    assert check(issue(TOKEN, SECRET), [OTHER, SECRET], 0.0) == TOKEN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not signed by this mesh"),
        ("no-dot", "not signed"),
        ("a.b", "not readable"),
        ("\u2713.x", "not readable"),
        (issue(TOKEN, OTHER), "not signed"),
        (issue(TOKEN, SECRET)[:-2], "not readable|not signed"),
        ("e30" + issue(TOKEN, SECRET)[3:], "not signed|not readable"),
        (issue(TOKEN, SECRET), "expired"),
    ],
)
def test_what_was_not_signed_or_is_over_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        check(text, [SECRET], 100.0)


def test_a_token_opens_the_rpcs_and_kinds_it_names() -> None:
    assert TOKEN.may_call("Dispatcher.Deliver")
    assert TOKEN.may_call("Catalog.Watch")
    assert not TOKEN.may_call("Dispatcher.Claim")
    assert TOKEN.may_see("kafka")
    assert not TOKEN.may_see("timer")


def test_a_service_gets_what_it_needs_and_no_more() -> None:
    assert token_for("kafka").may_call("Dispatcher.Claim")
    assert not token_for("kafka").may_call("Runner.Run")
    assert not token_for("kafka").may_see("functions")
    assert token_for("dispatcher").may_call("Runner.Run")
    assert not token_for("gateway").may_call("Records.Purge")
    assert token_for("control").may_call("Records.Purge")


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 16"):
        issue(TOKEN, b"short")
