"""Topics, filters and templates."""

import pytest

from sluice_mqtt.topics import Template, device, filter_fault, template_fault


@pytest.mark.parametrize("filter_", ["a", "/", "a/+/b", "+", "#", "a/#", "$SYS/#", "a//b", "ü/☃"])
def test_a_filter_may_be(filter_: str) -> None:
    assert filter_fault(filter_) == ""


@pytest.mark.parametrize("filter_", ["", "a/#/b", "a#", "a+/b", "a/b+", "#/", "a\0b", "x" * 65_536, "$share/group/a"])
def test_a_filter_may_not_be(filter_: str) -> None:
    assert filter_fault(filter_)


@pytest.mark.parametrize("template", ["{device_id}", "a/{product_id}/{node_id}/#", "$oc/devices/{device_id}/+"])
def test_a_template_names_whole_levels(template: str) -> None:
    assert template_fault(template) == ""


@pytest.mark.parametrize("template", ["{other}", "a{device_id}", "{device_id", "{}", "a/#/{device_id}"])
def test_a_template_that_names_something_else_is_refused(template: str) -> None:
    assert template_fault(template)


@pytest.mark.parametrize(
    ("template", "topic", "found"),
    [
        ("a/{device_id}/c", "a/d/c", {"device_id": "d"}),
        ("a/{device_id}/#", "a/d/c/e", {"device_id": "d"}),
        ("a/{device_id}/#", "a/d", {"device_id": "d"}),
        ("a/+/c", "a/b/c", {}),
        ("a//c", "a//c", {}),
        ("#", "a/b", {}),
        ("$SYS/#", "$SYS/x", {}),
        ("a/{device_id}/c", "a/d/c/e", None),
        ("a/{device_id}/c", "a/d", None),
        ("a/b", "a/c", None),
        ("#", "$SYS/x", None),
        ("+/x", "$SYS/x", None),
        ("{device_id}/x", "$SYS/x", None),
    ],
)
def test_a_template_takes_a_topic_apart(template: str, topic: str, found: dict[str, str] | None) -> None:
    assert Template(template).match(topic) == found


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, ("", "", "", "")),
        ({"device_id": "d1"}, ("d1", "d1", "", "d1")),
        ({"device_id": "p1_n_1"}, ("p1_n_1", "n_1", "p1", "p1_n_1")),
        ({"product_id": "p1", "node_id": "n1"}, ("p1_n1", "n1", "p1", "p1_n1")),
        ({"device_id": "d1", "gateway_id": "g1"}, ("d1", "d1", "", "g1")),
    ],
)
def test_who_a_message_is_from(found: dict[str, str], expected: tuple[str, ...]) -> None:
    assert tuple(dict(device(found)).values()) == expected
