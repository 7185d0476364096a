"""The table of roles."""

import pytest

from sluice.identity import RIGHTS, may


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("admin", "known read write invoke admin"),
        ("deployer", "known read write invoke"),
        ("invoker", "known invoke"),
        ("reader", "known read"),
        ("app", ""),
        ("king", ""),
    ],
)
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: str, rights: str) -> None:
    every = {right for rights in RIGHTS.values() for right in rights}
    assert {right for right in every if may(role, right)} == set(rights.split())
