"""The names of runtimes, and what each asks of a package."""

import pytest

from sluice.runtimes import CONTAINER, HANDLED, HTTP, NAMES, handler_faults, parse_handler, sources


def test_names_are_functiongraphs() -> None:
    assert {"Python3.9", "Python3.10", "Node.js6.10", "Node.js18.15", CONTAINER, HTTP} <= set(NAMES)
    assert HANDLED["Python3.10"].version == (3, 10)


def test_the_last_dot_of_a_handler_parts_file_and_function() -> None:
    assert parse_handler("index.handler") == ("index", "handler")
    assert parse_handler("src/a.b.run") == ("src/a.b", "run")


def test_a_package_that_is_a_server_has_no_source() -> None:
    assert sources(CONTAINER, "-") == sources("unknown", "index.handler") == ()
    assert sources("Python3.9", "src/index.handler") == ("src/index.py",)
    assert sources("Node.js18.15", "index.handler") == ("index.js", "index.cjs", "index.mjs")


@pytest.mark.parametrize("handler", ["-", "", "handler", ".handler", "index.", "/index.handler", "../index.handler", "a/../../b.c"])
def test_a_handler_that_names_no_function_of_a_file_is_refused(handler: str) -> None:
    assert [fault.field for fault in handler_faults("handler", "Python3.9", handler)] == ["handler"]
    assert list(handler_faults("handler", CONTAINER, handler)) == []


@pytest.mark.parametrize("handler", ["index.handler", "src/index.handler", "a..b.c"])
def test_a_handler_in_the_package_is_right(handler: str) -> None:
    assert list(handler_faults("handler", "Python3.9", handler)) == []
