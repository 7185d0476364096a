"""Watching: the whole as it is, then each commit in order, and waiting until all have it."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from sluice.catalog import Change, Snapshot
from sluice.errors import Unavailable
from sluice_control import watchers
from sluice_control.control import Control
from sluice_control.keeper import ANSWER_WITHIN_S
from tests.unit.sluice_control.client import Client, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
TIMER = {"trigger_type_code": "TIMER", "event_data": {"name": "tick", "schedule_type": "Rate", "schedule": "3m"}}
KAFKA = {
    "trigger_type_code": "KAFKA",
    "event_data": {"kafka_connect_address": "b:1", "topic_ids": ["t"], "kafka_user": "u", "kafka_password": "pa55word"},
}


class Follower:
    """A service that follows the catalog in a task of its own."""

    def __init__(self, control: Control, service: str, kinds: frozenset[str] = frozenset(), *, reports: bool = False) -> None:
        self.snapshot = Snapshot()
        self.seen: list[Change] = []
        self.synced = asyncio.Event()
        self._control = control
        self._who = (service, kinds)
        self._reports = reports
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async for change in self._control.watch(*self._who):
            self.snapshot.apply(change)
            self.seen.append(change)
            if self._reports:
                await self._control.report(self._who[0], change.generation, [])
            if change.synced:
                self.synced.set()

    async def __aenter__(self) -> "Follower":
        await asyncio.wait_for(self.synced.wait(), 10)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def settings_of(api: Client) -> tuple[str, str]:
    await api("POST", FUNCTIONS, function_body(encrypted_user_data='{"TOKEN": "t0ken"}'))
    timer = await api("POST", "/v2/{p}/fgs/triggers/hello", TIMER)
    kafka = await api("POST", "/v2/{p}/fgs/triggers/hello", KAFKA)
    return timer.json["trigger_id"], kafka.json["trigger_id"]


async def test_a_service_hears_its_own_kinds_and_secrets_only(control: Control, api: Client) -> None:
    await control.bootstrap_credentials()
    timer, kafka = await settings_of(api)
    async with (
        Follower(control, "kafka-2", frozenset({"kafka"})) as of_kafka,
        Follower(control, "timer", frozenset({"timer"})) as of_timer,
        Follower(control, "dispatcher") as of_dispatcher,
        Follower(control, "gateway", frozenset({"gateway"})) as of_gateway,
        Follower(control, "up") as of_all,
    ):
        assert set(of_kafka.snapshot.bindings) == {kafka}
        assert set(of_timer.snapshot.bindings) == {timer}
        assert set(of_dispatcher.snapshot.bindings) == set(of_all.snapshot.bindings) == {timer, kafka}
        assert [b"pa55word" in one.snapshot.bindings[kafka].settings for one in (of_kafka, of_dispatcher, of_all)] == [True, False, True]
        every = (of_kafka, of_timer, of_dispatcher, of_gateway, of_all)
        assert [bool(next(iter(one.snapshot.functions.values())).secrets) for one in every] == [False, False, True, False, True]
        assert [len(one.snapshot.keys) for one in every] == [0, 0, 0, 1, 1]


async def test_what_is_removed_is_told_by_its_name(control: Control, api: Client) -> None:
    async with Follower(control, "up") as follower:
        timer, _ = await settings_of(api)
        await api("POST", f"{FUNCTIONS}/hello/aliases", {"name": "live", "version": "latest"})
        key = (await api("POST", "/sluice/v1/{p}/keys", {})).json["access_key"]
        assert (len(follower.snapshot.bindings), len(follower.snapshot.aliases), len(follower.snapshot.keys)) == (2, 1, 1)
        await api("DELETE", f"/v2/{{p}}/fgs/triggers/hello/TIMER/{timer}")
        await api("DELETE", f"/sluice/v1/{{p}}/keys/{key}")
        await api("DELETE", f"{FUNCTIONS}/hello")
        assert (follower.snapshot.bindings, follower.snapshot.aliases, follower.snapshot.keys, follower.snapshot.functions) == (
            {},
            {},
            {},
            {},
        )


async def test_an_answer_comes_once_the_watchers_have_it(control: Control, api: Client) -> None:
    async with Follower(control, "runner") as silent, Follower(control, "kafka", frozenset({"kafka"}), reports=True) as reporting:
        for number in range(5):
            await api("POST", FUNCTIONS, function_body(f"f{number}"))
            assert len(silent.snapshot.functions) == len(reporting.snapshot.functions) == number + 1


async def test_an_answer_waits_at_most_a_second_for_a_service_that_hangs(control: Control, api: Client) -> None:
    changes = control.watch("hanging", frozenset())
    await anext(changes)
    begun = time.monotonic()
    assert (await api("POST", FUNCTIONS, function_body())).status == 200
    assert 0.9 * ANSWER_WITHIN_S <= time.monotonic() - begun < ANSWER_WITHIN_S + 5
    doctor = (await api("GET", "/sluice/v1/{p}/doctor")).json["checks"]
    assert next(check for check in doctor if check["name"] == "watchers")["ok"] is False
    await _closed(changes)
    begun = time.monotonic()
    await api("POST", FUNCTIONS, function_body("second"))
    assert time.monotonic() - begun < 0.9 * ANSWER_WITHIN_S


async def test_a_service_that_reports_is_believed_by_its_reports(control: Control) -> None:
    async with Follower(control, "kafka", frozenset({"kafka"})):
        await control.report("kafka", control.view.generation() or 1, [])
        await control.create_key(control.project, "reader", "")
        assert control.watchers.services()["kafka"] == 1


async def test_a_watcher_too_far_behind_is_ended_and_watches_again(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "MAX_BEHIND", 3)
    monkeypatch.setattr("sluice_control.keeper.ANSWER_WITHIN_S", 0.01)
    changes = control.watch("slow", frozenset())
    assert (await anext(changes)).synced
    for _ in range(5):
        await control.create_key(control.project, "reader", "")
    with pytest.raises(Unavailable, match="behind"):
        await anext(changes)


async def test_watches_end_with_unavailable_when_control_stops(control: Control) -> None:
    changes = control.watch("up", frozenset())
    assert (await anext(changes)).synced
    control.watchers.end_all("control is stopping")
    with pytest.raises(Unavailable, match="stopping"):
        await anext(changes)


async def _closed(changes: AsyncIterator[Change]) -> None:
    close = getattr(changes, "aclose", None)
    assert close
    await close()
