"""What the mesh is told of the kind."""

import builtins
import json
from typing import Any

import pytest

from sluice.binding import Binding, Mode
from sluice.errors import ConfigurationError
from sluice.filters import parse
from sluice_mongo import KIND
from sluice_mongo.settings import MongoSettings

BINDING = Binding("t1", "p1", "DDS", "mongo", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def settings(**changes: Any) -> MongoSettings:
    return MongoSettings(**({"instance_addrs": ["a:1", "b:2"], "db_name": "shop", "collection_name": "orders"} | changes))


def test_it_serves_both_of_functiongraphs_types_and_creates_one_disabled() -> None:
    assert KIND.name == "mongo"
    assert set(KIND.types) == {"DDS", "GAUSSMONGO"}
    assert KIND.created_disabled == {"DDS"}
    assert KIND.modes == (Mode.ASYNC,)


def test_another_deployment_is_another_source() -> None:
    assert KIND.source_of(settings()) != KIND.source_of(settings(instance_addrs=["c:1"]))


def test_the_same_deployment_is_the_same_source_whatever_else_changes() -> None:
    changed = settings(instance_addrs=["b:2", "a:1"], collection_name="returns", batch_size=5, db_password="p")
    assert KIND.source_of(settings()) == KIND.source_of(changed)
    written = settings(instance_addrs=[], connection_string="mongodb://a:1, b:2/?retryReads=false".replace(" ", ""))
    assert KIND.source_of(settings()) == KIND.source_of(written)


def test_a_sample_can_be_filtered_and_shaped() -> None:
    sample = KIND.sample(settings())
    match = parse('{"operationType": "insert", "ns.coll": "orders", "fullDocument.hello": {"prefix": "w"}}')
    assert match is not None
    assert match(sample) == ""
    (element,) = json.loads(KIND.shape(BINDING, settings(), [sample]))["records"]
    assert json.loads(element["dds"]["full_document"])["hello"] == "world"


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_driver(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("pymongo", "sluice_mongo.changes_pymongo")):
            raise ModuleNotFoundError("No module named 'pymongo'", name="pymongo")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(ConfigurationError, match=r'pymongo: pip install "sluice\[mongo\]"'):
        KIND.build(BINDING, settings())
