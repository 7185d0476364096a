"""Reserved instances through the API, and what the catalog is told of them."""

from typing import Any

import pytest

from sluice.catalog import Change, Snapshot
from sluice.clock import SteppedClock
from sluice.reservation import Reservation, ReservedSchedule, ReservedUse
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, encoded, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
HELLO = f"{FUNCTIONS}/hello"
DAY = 86_400


def cron(**fields: Any) -> dict[str, Any]:
    return {"name": "night", "cron": "0 0 12 * * *", "count": 5, "start_time": 0, "expired_time": 2_000_000_000, **fields}


def metric(**fields: Any) -> dict[str, Any]:
    return {"name": "busy", "type": "Concurrency", "threshold": 50, "min": 1, **fields}


def tactics(*crons: dict[str, Any], metrics: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"cron_configs": list(crons), "metric_configs": list(metrics)}


@pytest.fixture
async def hello(api: Client) -> Client:
    """A function with the version v1 and the alias live that points to it."""
    await api("POST", FUNCTIONS, function_body())
    await api("POST", f"{HELLO}/versions", {"version": "v1"})
    await api("POST", f"{HELLO}/aliases", {"name": "live", "version": "v1"})
    return api


def urn(hello: Client, qualifier: str) -> str:
    return f"urn:fss:local-1:{hello.project}:function:default:hello:{qualifier}"


def place(hello: Client, qualifier: str) -> str:
    return f"{FUNCTIONS}/{encoded(urn(hello, qualifier))}/reservedinstances"


async def test_reserved_instances_are_set_and_listed_by_number_and_by_configuration(hello: Client) -> None:
    body = {"count": 2, "idle_mode": True, "tactics_config": tactics(cron(), metrics=(metric(),))}
    made = await hello("PUT", place(hello, "!live"), body)
    assert (made.status, made.json) == (200, body)
    assert (await hello("PUT", f"{HELLO}/reservedinstances", {"count": 1})).json == {
        "count": 1,
        "idle_mode": False,
        "tactics_config": tactics(),
    }
    page = {"next_marker": 2, "previous_marker": 0, "current_count": 2}
    idle = [(await hello("GET", f"{FUNCTIONS}/{encoded(urn(hello, each))}/config")).json for each in ("!live", "latest", "v1")]
    assert [each["reserved_instance_idle_mode"] for each in idle] == [True, False, None]
    configs = (await hello("GET", f"{FUNCTIONS}/reservedinstanceconfigs")).json
    assert (configs["page_info"], configs["count"]) == (page, 2)
    assert configs["reserved_instances"][0] == {
        "function_urn": urn(hello, "!live"),
        "qualifier_type": "alias",
        "qualifier_name": "live",
        "min_count": 2,
        "idle_mode": True,
        "tactics_config": body["tactics_config"],
    }
    assert configs["reserved_instances"][1]["qualifier_type"] == "version"
    of_latest = (await hello("GET", f"{FUNCTIONS}/reservedinstanceconfigs?function_urn={encoded(urn(hello, 'latest'))}")).json
    assert [one["qualifier_name"] for one in of_latest["reserved_instances"]] == ["latest"]
    listed = (await hello("GET", f"{FUNCTIONS}/reservedinstances?limit=1&marker=1")).json
    assert listed["reservedinstances"] == [{"func_urn": urn(hello, "latest"), "count": 1}]
    assert (listed["page_info"]["next_marker"], listed["count"]) == (2, 2)


async def test_the_number_in_force_follows_the_schedule(hello: Client, clock: SteppedClock) -> None:
    noon = (clock.time() // DAY + 1) * DAY + DAY / 2
    schedule = cron(start_time=int(clock.time()), expired_time=int(noon + 3600))
    await hello("PUT", f"{HELLO}/reservedinstances", {"count": 1, "tactics_config": tactics(schedule)})
    counts = []
    for instant in (noon - 1, noon, noon + 3599, noon + 3600):
        clock.advance(instant - clock.time())
        counts.append((await hello("GET", f"{FUNCTIONS}/reservedinstances")).json["reservedinstances"][0]["count"])
    assert counts == [1, 5, 5, 1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"count": -1}, "count"),
        ({"count": 1001}, "count"),
        ({"count": 6, "tactics_config": tactics(cron())}, "tactics_config.cron_configs[0].count"),
        ({"count": 1, "tactics_config": tactics(cron(cron="0 0 25 * * *"))}, "tactics_config.cron_configs[0].cron"),
        ({"count": 1, "tactics_config": tactics(cron(cron="CRON_TZ=Asia/Tokyo 0 0 1 * * *"))}, "tactics_config.cron_configs[0].cron"),
        ({"count": 1, "tactics_config": tactics(cron(start_time=9, expired_time=9))}, "tactics_config.cron_configs[0].expired_time"),
        ({"count": 1, "tactics_config": tactics(cron(name="1x"))}, "tactics_config.cron_configs[0].name"),
        ({"count": 1, "tactics_config": tactics(cron(), cron())}, "tactics_config.cron_configs"),
        ({"count": 1, "tactics_config": tactics(*(cron(name=f"n{number}") for number in range(21)))}, "tactics_config.cron_configs"),
        (
            {"count": 1, "tactics_config": tactics(metrics=tuple(metric(name=f"n{number}") for number in range(21)))},
            "tactics_config.metric_configs",
        ),
        ({"count": 1, "tactics_config": tactics(metrics=(metric(threshold=100),))}, "tactics_config.metric_configs[0].threshold"),
        ({"count": 1, "tactics_config": tactics(metrics=(metric(type="Memory"),))}, "tactics_config.metric_configs[0].type"),
        ({}, "count"),
    ],
)
async def test_what_breaks_a_rule_of_reserved_instances_is_refused(hello: Client, body: dict[str, Any], field: str) -> None:
    refused = await hello("PUT", f"{HELLO}/reservedinstances", body)
    assert refused.error == (400, "FSS.0400")
    assert field in refused.message
    assert (await hello("GET", f"{FUNCTIONS}/reservedinstances")).json["count"] == 0


async def test_a_version_is_reserved_by_itself_or_by_its_alias(hello: Client) -> None:
    assert (await hello("PUT", place(hello, "v1"), {"count": 1})).status == 200
    assert (await hello("PUT", place(hello, "!live"), {"count": 1})).error == (409, "FSS.0409")
    assert (await hello("PUT", place(hello, "v1"), {"count": 0})).status == 200
    assert (await hello("PUT", place(hello, "!live"), {"count": 1})).status == 200
    assert (await hello("PUT", place(hello, "v1"), {"count": 1})).error == (409, "FSS.0409")


async def test_a_project_reserves_at_most_90(hello: Client) -> None:
    assert (await hello("PUT", f"{HELLO}/reservedinstances", {"count": 80})).status == 200
    assert (await hello("PUT", place(hello, "v1"), {"count": 11})).error == (403, "FSS.0403")
    assert (await hello("PUT", place(hello, "v1"), {"count": 1, "tactics_config": tactics(cron(count=11))})).error == (403, "FSS.0403")
    assert (await hello("PUT", place(hello, "v1"), {"count": 10})).status == 200
    assert (await hello("PUT", f"{HELLO}/reservedinstances", {"count": 79})).status == 200


async def test_the_runner_is_told_and_told_again_when_the_version_or_alias_goes(hello: Client, control: Control) -> None:
    snapshot = Snapshot()
    watching = control.watch("runner", frozenset())
    body = {"count": 2, "tactics_config": tactics(cron(), metrics=(metric(),))}
    await hello("PUT", place(hello, "!live"), body)
    await hello("PUT", f"{HELLO}/reservedinstances", {"count": 1})

    async def follow() -> None:
        async for change in watching:
            snapshot.apply(change)
            if change.synced:
                return

    await follow()
    schedules = (ReservedSchedule("0 0 12 * * *", 5, 0.0, 2_000_000_000.0),)
    alias = Reservation(urn(hello, "!live"), 2, schedules, (ReservedUse(50, 1),))
    assert snapshot.reservations == {alias.urn: alias, urn(hello, "latest"): Reservation(urn(hello, "latest"), 1)}
    await hello("DELETE", f"{HELLO}/aliases/live")
    await follow()
    assert set(snapshot.reservations) == {urn(hello, "latest")}
    await hello("DELETE", HELLO)
    await follow()
    assert not snapshot.reservations
    await watching.aclose()  # type: ignore[attr-defined]


async def test_the_gateway_is_not_told(hello: Client, control: Control) -> None:
    await hello("PUT", f"{HELLO}/reservedinstances", {"count": 1})
    told: list[Change] = []
    async for change in control.watch("gateway", frozenset()):
        told.append(change)
        if change.synced:
            break
    assert not [change for change in told if change.reservation]
