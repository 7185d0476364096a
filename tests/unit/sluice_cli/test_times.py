"""Times as people write them."""

import pytest
import typer

from sluice_cli.times import instant, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("10m", 400),
        ("2h", -6200),
        ("1d", -85_400),
        ("30s", 970),
        ("1234.5", 1234.5),
        ("1970-01-01T00:01:00", 60),
        ("1970-01-01T01:00:00+01:00", 0),
    ],
)
def test_ages_times_and_numbers(text: str, expected: float) -> None:
    assert instant(text, 1000) == expected


@pytest.mark.parametrize("text", ["soon", "10y", "-", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        instant(text, 0)


@pytest.mark.parametrize(("text", "length"), [("", 0), ("90s", 90), ("15m", 900), ("1h", 3600), ("30d", 2_592_000)])
def test_a_length_of_time_is_read(text: str, length: int) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["15", "m", "-1h", "1.5h", "1w"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="15m"):
        seconds(text)
