"""Times as the API reads them."""

import pytest

from sluice.errors import Invalid
from sluice_control.times import read


@pytest.mark.parametrize("text", ["1772452076", "1772452076.0", "2026-03-02T11:47:56", "2026-03-02T11:47:56Z", "2026-03-02T13:47:56+02:00"])
def test_a_time_is_seconds_or_iso_8601(text: str) -> None:
    assert read("since", text) == 1772452076


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-1", "1e400", "1e300", "9" * 5000, "1969-12-31T00:00:00", "٣", "yesterday", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_time_between_1970_and_9999_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read("since", text)
    assert refused.value.code == "FSS.1001"
