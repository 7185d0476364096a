"""Versions, aliases, tags and reserved instances of a file, against an API in memory that keeps what it is sent."""

from typing import Any
from urllib.parse import unquote

import pytest

from sluice_cli.client import Client, Refused
from sluice_cli.done import Done
from sluice_cli.releases import released
from sluice_cli.schema import Alias, Function

URN = "urn:fss:l:p1:function:default:orders"
WHOLE = Function(
    code="./code",
    version="v2",
    aliases={"live": Alias(version="v2", weight={"v1": 10}), "grey": Alias(version="v1", rules={"v2": ["X-Grey=yes", "X-City in A,B"]})},
    tags={"team": "shop"},
    reserved=2,
)


class FakeApi(Client):
    """One function; `changes` are the writes in order."""

    def __init__(self) -> None:
        self.project = "p1"
        self.versions = ["latest", "v1"]
        self.aliases: dict[str, dict[str, Any]] = {}
        self.tags = {"stage": "test"}
        self.reserved: dict[str, Any] = {"min_count": 0, "tactics_config": {"cron_configs": [1], "metric_configs": []}}
        self.changes: list[str] = []

    def get(self, path: str, **query: object) -> Any:
        match unquote(path).split("/")[3:]:
            case [*_, "versions"]:
                return {"versions": [{"version": version} for version in self.versions]}
            case [*_, "aliases", name]:
                if name not in self.aliases:
                    raise Refused(404, "FSS.1053", "The alias does not exist.")
                return self.aliases[name]
            case [*_, "tags"]:
                return {"tags": [{"key": key, "value": value} for key, value in self.tags.items()]}
            case [*_, "reservedinstanceconfigs"]:
                return {"reserved_instances": [self.reserved]}
        raise AssertionError(path)

    def post(self, path: str, body: Any, **query: object) -> Any:
        if path.endswith("versions"):
            self._write(f"publish {body['version']}")
            self.versions.append(body["version"])
        else:
            self._refuse_taken(body["name"], body["version"])
            self._write(f"alias {body['name']}")
            self.aliases[body["name"]] = body

    def put(self, path: str, body: Any) -> Any:
        if path.endswith("reservedinstances"):
            self._write(f"reserve {body['count']}")
            self.reserved = {"min_count": body["count"], "tactics_config": body["tactics_config"]}
        else:
            name = path.rpartition("/")[2]
            self._refuse_taken(name, body["version"])
            self._write(f"alias {name} again")
            self.aliases[name] = {"name": name, **body}

    def send(self, method: str, path: str, body: Any) -> Any:
        for tag in body["tags"]:
            self._write(f"{body['action']} {tag['key']}")
            if body["action"] == "create":
                self.tags[tag["key"]] = tag["value"]
            else:
                del self.tags[tag["key"]]

    def _refuse_taken(self, name: str, version: str) -> None:
        if any(other != name and alias["version"] == version for other, alias in self.aliases.items()):
            raise Refused(409, "FSS.1066", "The version is already in use by another alias.")

    def _write(self, what: str) -> None:
        self.changes.append(what)


def applied(api: FakeApi, function: Function, *, is_changed: bool = False) -> list[Done]:
    api.changes.clear()
    return list(released(api, "orders", URN, function, is_changed=is_changed))


def test_a_version_is_published_before_an_alias_points_to_it() -> None:
    api = FakeApi()
    told = applied(api, WHOLE)
    assert api.changes == ["publish v2", "alias live", "alias grey", "create team", "delete stage", "reserve 2"]
    assert [f"{done.what} {done.name} {done.how}" for done in told] == [
        "version orders/v2 created",
        "alias orders/live created",
        "alias orders/grey created",
        "tags orders updated",
        "reserved orders updated",
    ]


def test_applying_again_writes_nothing() -> None:
    api = FakeApi()
    applied(api, WHOLE)
    assert {done.how for done in applied(api, WHOLE)} == {"unchanged"}
    assert api.changes == []


def test_what_a_file_does_not_speak_of_is_left_alone() -> None:
    api = FakeApi()
    assert applied(api, Function(code="./code")) == []
    assert (api.changes, api.tags) == ([], {"stage": "test"})
    applied(api, Function(code="./code", tags={}))
    assert api.tags == {}


def test_a_version_that_is_there_never_changes_and_the_file_is_told_so() -> None:
    (done,) = applied(FakeApi(), Function(code="./code", version="v1"), is_changed=True)
    assert (done.how, "another name" in done.detail) == ("unchanged", True)
    (done,) = applied(FakeApi(), Function(code="./code", version="v1"))
    assert done.detail == ""


@pytest.mark.parametrize("alias", [Alias(version="v9"), Alias(version="v2", weight={"v1": 20}), Alias(version="v2", description="new")])
def test_an_alias_that_changed_is_written_whole(alias: Alias) -> None:
    api = FakeApi()
    applied(api, WHOLE)
    applied(api, Function(code="./code", aliases={"live": alias}))
    assert api.changes == ["alias live again"]


def test_schedules_that_were_set_elsewhere_are_kept() -> None:
    api = FakeApi()
    applied(api, Function(code="./code", reserved=5))
    assert api.reserved["tactics_config"]["cron_configs"] == [1]


def test_aliases_move_on_in_whichever_order_they_stand() -> None:
    api = FakeApi()
    applied(api, Function(code="./code", aliases={"live": Alias(version="v1"), "next": Alias(version="v2")}))
    applied(api, Function(code="./code", aliases={"live": Alias(version="v2"), "next": Alias(version="v3")}))
    assert api.changes == ["alias next again", "alias live again"]


def test_aliases_that_want_each_others_versions_are_refused() -> None:
    api = FakeApi()
    applied(api, Function(code="./code", aliases={"live": Alias(version="v1"), "next": Alias(version="v2")}))
    with pytest.raises(Refused, match="already in use"):
        applied(api, Function(code="./code", aliases={"live": Alias(version="v2"), "next": Alias(version="v1")}))
