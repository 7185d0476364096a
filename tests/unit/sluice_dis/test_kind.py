"""What the mesh is told of the kind."""

import builtins
from typing import Any

import pytest

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice_dis import KIND
from sluice_dis.settings import DisSettings

BINDING = Binding("t1", "p1", "DIS", "dis", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def settings(**changes: Any) -> DisSettings:
    least = {"stream_name": "clicks", "sharditerator_type": "LATEST", "endpoint": "http://a:1", "access_key": "a", "secret_key": "s"}
    return DisSettings(**(least | changes))


def test_it_serves_functiongraphs_type_and_creates_it_active() -> None:
    assert (KIND.name, KIND.types, KIND.created_disabled, KIND.fixed) == ("dis", ("DIS",), frozenset(), frozenset())


@pytest.mark.parametrize("changes", [{"endpoint": "http://b:1"}, {"region": "eu-west-1"}])
def test_another_service_is_another_source(changes: dict[str, str]) -> None:
    assert KIND.source_of(settings()) != KIND.source_of(settings(**changes))


def test_the_same_service_is_the_same_source_whatever_else_changes() -> None:
    changed = settings(endpoint="http://a:1/", access_key="b", secret_key="new", batch_size=5, stream_name="other")
    assert KIND.source_of(settings()) == KIND.source_of(changed)


def test_a_sample_has_a_shape() -> None:
    assert b'"partition_key":"key"' in KIND.shape(BINDING, settings(), [KIND.sample(settings())])


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_driver(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("aiobotocore", "sluice_dis.stream_aiobotocore")):
            raise ModuleNotFoundError("No module named 'aiobotocore'", name="aiobotocore")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(ConfigurationError, match=r'aiobotocore: pip install "sluice\[dis\]"'):
        KIND.build(BINDING, settings())
