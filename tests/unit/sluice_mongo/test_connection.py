"""What the driver's errors mean to us."""

import pytest
from pymongo.errors import AutoReconnect, ConfigurationError, NetworkTimeout, OperationFailure, ServerSelectionTimeoutError

from sluice.errors import SourceLost, SourceRefused
from sluice_mongo.changes import PositionLost
from sluice_mongo.connection import client, reopens, translated
from sluice_mongo.settings import MongoSettings

SERVERS = "a:1,b:2"


def failure(code: int, *labels: str) -> OperationFailure:
    return OperationFailure("said no", code, {"codeName": "Name", "errmsg": "said no", "errorLabels": list(labels)})


@pytest.mark.parametrize("code", [136, 260, 280, 286, 40585, 40615])
def test_a_token_that_no_stream_begins_at_is_a_lost_position(code: int) -> None:
    assert isinstance(translated(failure(code), SERVERS), PositionLost)
    assert not reopens(failure(code))


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (18, "db_password"),
        (11, "db_user"),
        (13, "Name (13)"),
        (40573, "replica set"),
        (59, "replica set"),
        (10334, "full_document"),
        (47, "full_document"),
    ],
)
def test_what_only_a_changed_setting_helps_against_is_refused_with_its_name(code: int, word: str) -> None:
    refused = translated(failure(code), SERVERS)
    assert isinstance(refused, SourceRefused)
    assert word in str(refused)


@pytest.mark.parametrize("code", [1, 91, 189])
def test_what_is_not_known_may_be_better_later(code: int) -> None:
    assert isinstance(translated(failure(code), SERVERS), SourceLost)


@pytest.mark.parametrize(
    "error",
    [failure(43), failure(222), failure(234), failure(189, "ResumableChangeStreamError"), AutoReconnect("gone"), NetworkTimeout("late")],
)
def test_a_stream_that_was_only_closed_is_opened_again(error: Exception) -> None:
    assert reopens(error)


def test_a_server_that_is_not_found_is_lost_without_all_that_the_driver_knows() -> None:
    lost = translated(ServerSelectionTimeoutError("no primary, Topology Description: <long>"), SERVERS)
    assert isinstance(lost, SourceLost)
    assert SERVERS in str(lost)
    assert "long" not in str(lost)
    assert not reopens(ServerSelectionTimeoutError("no primary"))


def test_tls_and_options_are_for_the_settings_to_mend() -> None:
    assert "TLS failed" in str(translated(AutoReconnect("SSL handshake failed: CERTIFICATE_VERIFY_FAILED"), SERVERS))
    assert isinstance(translated(ConfigurationError("no such option"), SERVERS), SourceRefused)


async def test_a_key_that_cannot_be_used_is_refused_without_its_text() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----"
    settings = MongoSettings(db_name="shop", instance_addrs=["a:1"], ssl_enable=True, tls_certificate=key, tls_key=key)
    with pytest.raises(SourceRefused, match="tls_certificate") as refused:
        client(settings)
    assert "secret" not in str(refused.value)
