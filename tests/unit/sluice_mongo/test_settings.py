"""What `event_data` of DDS and GAUSSMONGO may hold."""

import json
from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_mongo.settings import MongoSettings

LEAST: dict[str, Any] = {"instance_addrs": ["127.0.0.1:27017"], "db_name": "shop"}


def decoded(**changes: Any) -> MongoSettings:
    return msgspec.json.decode(json.dumps(LEAST | changes), type=MongoSettings)


def test_the_least_is_an_address_and_a_database() -> None:
    settings = decoded()
    assert (settings.namespace, settings.servers, settings.db_user) == ("shop", "127.0.0.1:27017", "rwuser")
    assert decoded(collection_name="orders").namespace == "shop.orders"


@pytest.mark.parametrize("name", ["admin", "local", "config", "", "a b", "a/b", "a.b", "x" * 64, "ü" * 32])
def test_a_database_that_may_not_be_read_is_refused_by_name(name: str) -> None:
    with pytest.raises(Invalid, match="db_name"):
        decoded(db_name=name)


@pytest.mark.parametrize("name", ["system.views", "a$b", "x" * 251, ".a", "a."])
def test_a_collection_that_cannot_be_is_refused_by_name(name: str) -> None:
    with pytest.raises(Invalid, match="collection_name"):
        decoded(collection_name=name)


@pytest.mark.parametrize("size", [0, 10_001])
def test_a_batch_has_a_size_from_1_to_10000(size: int) -> None:
    with pytest.raises(msgspec.ValidationError, match="batch_size"):
        decoded(batch_size=size)


@pytest.mark.parametrize(
    "text", ["mongodb://a:1,b:2/shop?replicaSet=rs0", "mongodb+srv://cluster.example.com", "mongodb://[::1]:27017", "mongodb://a"]
)
def test_a_connection_string_stands_for_addresses(text: str) -> None:
    settings = decoded(instance_addrs=[], connection_string=text)
    assert settings.servers in text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instance_addrs": []}, "instance_addrs"),
        ({"instance_addrs": ["nowhere"]}, "instance_addrs"),
        ({"connection_string": "mongodb://a:1"}, "instance_addrs"),
        ({"instance_addrs": [], "connection_string": "http://a:1"}, "connection_string"),
        ({"instance_addrs": [], "connection_string": "mongodb://user:secret@a:1"}, "connection_string"),
        ({"start_position": "timestamp"}, "start_timestamp"),
        ({"start_timestamp": 7}, "start_timestamp"),
        ({"db_user": "", "db_password": "secret"}, "db_user"),
        ({"tls_ca": "/ca.pem"}, "ssl_enable"),
        ({"ssl_enable": True, "tls_certificate": "/c.pem"}, "tls_key"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        decoded(**changes)
    assert field in [fault.field for fault in refused.value.faults]
    assert "secret" not in str(refused.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        decoded(db_name="admin", collection_name="$", instance_addrs=[])
    assert {fault.field for fault in refused.value.faults} == {"db_name", "collection_name", "instance_addrs"}


def test_an_unknown_key_an_unknown_policy_and_an_unknown_operation_are_refused() -> None:
    unknown: list[dict[str, Any]] = [{"topic": "x"}, {"position_lost": "earliest"}, {"operations": ["modify"]}, {"operations": []}]
    for changes in unknown:
        with pytest.raises(msgspec.ValidationError):
            decoded(**changes)


def test_secrets_are_never_shown() -> None:
    shown = repr(decoded(db_password="secret-1", ssl_enable=True, tls_certificate="/c.pem", tls_key="secret-2"))
    assert "secret" not in shown
    assert {"db_password", "tls_key"} == MongoSettings.hidden
