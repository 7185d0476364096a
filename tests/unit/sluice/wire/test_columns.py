"""Columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.wire.columns import Malformed, column, split_ids, spread


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=8))
def test_a_column_spreads_to_what_it_was_made_of(values: list[str]) -> None:
    short = column(list(values), "")
    assert [value for value, _ in zip(spread(short, len(values), ""), values, strict=False)] == values


def test_equal_values_are_said_once_and_defaults_not_at_all() -> None:
    assert column([1, 1, 1], 1) == []
    assert column([2, 2, 2], 1) == [2]
    assert column([1, 2], 1) == [1, 2]


def test_a_column_of_another_length_is_malformed() -> None:
    with pytest.raises(Malformed, match="3 entries for 5"):
        spread([1, 2, 3], 5, 0)
    with pytest.raises(Malformed):
        split_ids(b"x" * 17, 1)
