import pytest

from tools.benches import words
from tools.benches.figure import Row, at_least, at_most, figure

RATE = figure("throughput", "events/s", [12_400.4, 15_700.0, 11_000.0], at_least(20_000))
COST = figure("CPU", "µs", [49.66])


@pytest.mark.parametrize(("value", "text"), [(12_400.4, "12,400"), (49.66, "49.7"), (0.314, "0.31"), (-0.42, "-0.42"), (0.0, "0.00")])
def test_numbers_keep_the_digits_that_matter(value: float, text: str) -> None:
    assert words.number(value) == text


def test_a_bound_says_its_direction() -> None:
    assert (words.reach(at_least(20_000)), words.reach(at_most(0.4)), words.reach(None)) == ("≥ 20,000", "≤ 0.40", "")


def test_one_run_has_no_spread() -> None:
    assert (words.spread(RATE), words.spread(COST)) == ("11,000 .. 15,700", "")


def test_the_title_of_a_row_stands_on_its_first_line_only() -> None:
    assert [line[0] for line in words.lines(Row("kafka", "Kafka", (RATE, COST)))] == ["Kafka", ""]


def test_a_skipped_row_says_why() -> None:
    assert words.lines(Row("mesh", "mesh", skipped="java is not installed"))[0][1] == "skipped: java is not installed"


def test_a_failed_row_says_what_went_wrong_on_one_line() -> None:
    assert words.lines(Row("mesh", "mesh", failed="AssertionError: lost\n3")) == [("mesh", "AssertionError: lost 3", "", "", "", "failed")]


def test_what_was_missed_is_bold_in_the_document() -> None:
    assert words.markdown([Row("kafka", "Kafka", (RATE, COST))]).splitlines()[2:] == [
        "| Kafka | throughput (events/s) | ≥ 20,000 | 12,400 | 11,000 .. 15,700 | **missed** |",
        "|  | CPU (µs) |  | 49.7 |  |  |",
    ]


def test_only_rows_with_something_to_say_have_a_note() -> None:
    assert words.notes([Row("a", "A", note="how"), Row("b", "B")]) == "- **A**: how"
