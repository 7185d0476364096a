import math

import pytest

from tools.benches.figure import Row, at_least, at_most, figure, percentile


def test_a_figure_is_judged_by_its_median() -> None:
    assert figure("rate", "events/s", [1.0, 30.0, 20.0], at_least(20)).met is True
    assert figure("cpu", "µs", [90.0, 51.0, 10.0], at_most(50)).met is False


def test_a_figure_without_a_bound_is_neither_met_nor_missed() -> None:
    assert figure("rate", "events/s", [1.0]).met is None


def test_a_row_names_what_it_missed() -> None:
    good, bad = figure("rate", "/s", [2.0], at_least(1)), figure("cpu", "µs", [2.0], at_most(1))
    assert Row("row", "a row", (good, bad)).missed == [bad]


def test_the_share_of_a_bound_is_one_where_it_is_just_met() -> None:
    assert at_least(20).share(20) == at_most(20).share(20) == 1


def test_twice_as_good_as_the_bound_is_two_in_both_directions() -> None:
    assert at_least(10).share(20) == at_most(20).share(10) == 2


def test_nothing_at_all_is_endlessly_better_than_an_upper_bound() -> None:
    assert at_most(1).share(0) == math.inf


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert percentile(range(100, 0, -1), share) == value


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
