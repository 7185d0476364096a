"""What the mesh is told of the kind."""

import builtins
import json
from typing import Any

import pytest

from sluice.binding import Binding, Mode
from sluice.errors import ConfigurationError
from sluice_obs import KIND
from sluice_obs.pulled import PulledTrigger
from sluice_obs.pushed import PushedTrigger
from sluice_obs.settings import ObsSettings

BINDING = Binding("t1", "p1", "OBS", "obs", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
QUEUE = {"queue_url": "http://127.0.0.1:5000/1/q", "access_key": "a", "secret_key": "s"}


def settings(**changes: Any) -> ObsSettings:
    return ObsSettings(**({"bucket": "photos", "events": ["Put"]} | changes))


def test_it_serves_functiongraphs_type_which_is_active_for_good_and_asynchronous() -> None:
    assert (KIND.name, KIND.types, KIND.created_disabled, KIND.fixed) == ("obs", ("OBS",), frozenset(), frozenset({"OBS"}))
    assert (KIND.modes, KIND.pushed) == ((Mode.ASYNC,), True)


def test_with_a_queue_it_is_read_and_without_one_it_is_pushed_to() -> None:
    assert isinstance(KIND.build(BINDING, settings(**QUEUE)), PulledTrigger)
    assert isinstance(KIND.build(BINDING, settings()), PushedTrigger)


@pytest.mark.parametrize("changes", [{"bucket": "other"}, QUEUE])
def test_another_bucket_or_queue_is_another_source(changes: dict[str, str]) -> None:
    assert KIND.source_of(settings()) != KIND.source_of(settings(**changes))


def test_the_same_bucket_is_the_same_source_whatever_else_changes() -> None:
    assert KIND.source_of(settings()) == KIND.source_of(settings(events=["Post"], prefix="a", push_token="t", batch_size=5))


@pytest.mark.parametrize("events", [["Put"], ["ObjectCreated"], ["ObjectRemoved"], ["Delete", "DeleteMarkerCreated"]])
def test_the_sample_is_a_record_that_the_settings_want(events: list[str]) -> None:
    own = settings(events=events, prefix="in/ä", suffix=".png")
    match = KIND.matcher(own, "")
    assert match is not None
    assert match(KIND.sample(own)) == ""
    (record,) = json.loads(KIND.shape(BINDING, own, [KIND.sample(own)]))["Records"]
    assert record["s3"]["object"]["key"] == "in%2F%C3%A4sample.png"


def test_a_missing_driver_names_the_extra_and_is_not_missed_by_what_is_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_driver(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("aiobotocore", "sluice_obs.queue_a", "sluice_obs.bucket_a")):
            raise ModuleNotFoundError("No module named 'aiobotocore'", name="aiobotocore")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(ConfigurationError, match=r'aiobotocore: pip install "sluice\[obs\]"'):
        KIND.build(BINDING, settings(**QUEUE))
    KIND.build(BINDING, settings())


def test_a_bucket_is_contested_by_overlapping_triggers_and_stays() -> None:
    assert KIND.lasting == {"bucket"}
    assert KIND.contested(settings()) == "photos"
    assert KIND.rivals(settings(prefix="in/"), settings(suffix=".png"))
    assert not KIND.rivals(settings(prefix="in/"), settings(prefix="out/"))
