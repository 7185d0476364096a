"""Which trigger gets a request."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_gateway.routes import Routes
from sluice_gateway.settings import ApigSettings


def routes(*described: str) -> Routes[str]:
    """Each route as `METHOD /path`, a closing `*` for a prefix match; its target is that text."""
    return Routes((setting(text), text) for text in described)


def setting(text: str) -> ApigSettings:
    method, path = text.split(" ")
    fields: dict[str, Any] = {"req_method": method, "path": path.removesuffix("*"), "match_mode": "SWA" if path.endswith("*") else "NORMAL"}
    return ApigSettings(**fields)


def found(table: Routes[str], request: str) -> str | None:
    method, path = request.split(" ")
    match = table.match(method, path.encode())
    return match.target if match else None


def parameters(table: Routes[str], path: str) -> dict[str, str]:
    match = table.match("GET", path.encode())
    assert match
    return match.parameters


@pytest.mark.parametrize("path", ["/orders/", "/orders/1", "/order", "/Orders", "/", "*", ""])
def test_an_exact_path_matches_nothing_else(path: str) -> None:
    table = routes("ANY /orders")
    assert found(table, "GET /orders") == "ANY /orders"
    assert found(table, f"GET {path}") is None


def test_a_prefix_matches_itself_and_all_below_but_only_whole_segments() -> None:
    table = routes("ANY /a/b*")
    for path in ("/a/b", "/a/b/", "/a/b/c", "/a/b/c/d"):
        assert found(table, f"GET {path}") == "ANY /a/b*"
    for path in ("/a/bc", "/a", "/a/"):
        assert found(table, f"GET {path}") is None


def test_a_prefix_of_the_root_matches_everything() -> None:
    assert found(routes("ANY /*"), "GET /any/thing") == "ANY /*"
    assert found(routes("ANY /*"), "GET /") == "ANY /*"


def test_the_root_alone_matches_only_the_root() -> None:
    table = routes("ANY /")
    assert found(table, "GET /") == "ANY /"
    assert found(table, "GET /a") is None


def test_the_longest_match_wins() -> None:
    table = routes("ANY /*", "ANY /a*", "ANY /a/b/c*", "ANY /a/{x}/c/d")
    assert found(table, "GET /z") == "ANY /*"
    assert found(table, "GET /a/b/z") == "ANY /a*"
    assert found(table, "GET /a/b/c/z") == "ANY /a/b/c*"
    assert found(table, "GET /a/b/c/d") == "ANY /a/{x}/c/d"


def test_exact_beats_prefix_and_a_word_beats_a_parameter() -> None:
    table = routes("ANY /a/{id}", "ANY /a/me", "ANY /a/me*")
    assert found(table, "GET /a/me") == "ANY /a/me"
    assert found(table, "GET /a/you") == "ANY /a/{id}"


def test_a_branch_that_ends_nowhere_does_not_hide_another() -> None:
    table = routes("ANY /a/me/x", "ANY /a/{id}/y")
    assert found(table, "GET /a/me/y") == "ANY /a/{id}/y"


def test_the_method_chooses_and_any_takes_the_rest() -> None:
    table = routes("GET /a", "POST /a", "ANY /b", "GET /b")
    assert found(table, "GET /a") == "GET /a"
    assert found(table, "POST /a") == "POST /a"
    assert found(table, "PUT /a") is None
    assert found(table, "GET /b") == "GET /b"
    assert found(table, "PUT /b") == "ANY /b"


def test_a_wrong_method_looks_on_for_a_shorter_match() -> None:
    assert found(routes("GET /a/b", "ANY /a*"), "POST /a/b") == "ANY /a*"


def test_parameters_are_whole_decoded_segments() -> None:
    table = routes("ANY /a/{id}/b/{other}", "ANY /c/{rest}*")
    assert parameters(table, "/a/1/b/2") == {"id": "1", "other": "2"}
    assert parameters(table, "/a/x%2Fy%20z/b/k%C3%A4se") == {"id": "x/y z", "other": "käse"}
    assert parameters(table, "/c/1/2/3") == {"rest": "1"}


def test_a_parameter_is_never_empty() -> None:
    assert found(routes("ANY /a/{id}"), "GET /a/") is None


def test_escaped_paths_are_the_same_path() -> None:
    table = routes("ANY /käse/a")
    assert found(table, "GET /k%C3%A4se/%61") == "ANY /käse/a"
    assert found(table, "GET /k%C3%A4se%2Fa") is None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_path_that_matches_or_not(path: bytes) -> None:
    routes("ANY /*", "GET /a/{b}").match("GET", path)


def test_of_two_equal_routes_the_first_is_served() -> None:
    table = Routes([(setting("GET /a/{id}"), "first"), (setting("GET /a/{name}"), "second")])
    assert found(table, "GET /a/1") == "first"
    assert parameters(table, "/a/1") == {"id": "1"}
