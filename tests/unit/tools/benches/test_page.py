import pytest

from tools.benches.page import replaced

TEXT = "before\n<!-- bench:table -->\nold\nolder\n<!-- /bench:table -->\nafter\n"


def test_only_what_stands_between_the_markers_changes() -> None:
    assert replaced(TEXT, {"table": "new\n"}) == "before\n<!-- bench:table -->\nnew\n<!-- /bench:table -->\nafter\n"


def test_the_same_content_changes_nothing() -> None:
    once = replaced(TEXT, {"table": r"a \1 b"})
    assert replaced(once, {"table": r"a \1 b"}) == once


def test_a_part_without_a_place_is_an_error() -> None:
    with pytest.raises(KeyError, match="plot"):
        replaced(TEXT, {"plot": "x"})
