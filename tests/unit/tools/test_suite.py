"""What is read of pytest's closing lines."""

import pytest

from tools.suite import counts


@pytest.mark.parametrize(
    ("printed", "counted"),
    [
        ("....\n3881 passed in 1280.46s (0:21:20)\n", {"passed": 3881}),
        ("=== 1 failed, 2201 passed, 3 skipped in 657.03s (0:10:57) ===\n", {"failed": 1, "passed": 2201, "skipped": 3}),
        ("2 passed in 1.00s\n1 passed in 2.00s\n", {"passed": 1}),
        ("1 passed, 2 errors in 3.10s\n", {"passed": 1, "errors": 2}),
        ("INTERNALERROR\n", {}),
    ],
)
def test_the_last_closing_line_counts(printed: str, counted: dict[str, int]) -> None:
    assert dict(counts(printed)) == counted
