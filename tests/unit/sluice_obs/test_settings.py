"""What `event_data` of OBS may be."""

from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid
from sluice_obs.settings import ObsSettings

LEAST: dict[str, Any] = {"bucket": "photos", "events": ["s3:ObjectCreated:*"]}
QUEUE: dict[str, Any] = LEAST | {"queue_url": "http://127.0.0.1:5000/1/q", "access_key": "a", "secret_key": "the-secret"}


def settings(given: dict[str, Any] = LEAST, **changes: Any) -> ObsSettings:
    return msgspec.convert(given | changes, ObsSettings)


def test_the_least_is_a_bucket_and_events() -> None:
    assert (settings().prefix, settings().suffix, settings().name, settings().queue_url) == ("", "", "", "")


@pytest.mark.parametrize(
    ("given", "changes", "fields"),
    [
        (LEAST, {"events": []}, ["events"]),
        (LEAST, {"events": ["Put", "nothing"]}, ["events"]),
        (LEAST, {"events": ["ObjectCreated", "Put", "Post"]}, ["events", "events"]),
        (LEAST, {"queue_url": "q"}, ["queue_url", "access_key", "secret_key"]),
        (LEAST, {"queue_url": "http://h:x/"}, ["queue_url", "access_key", "secret_key"]),
        (LEAST, {"endpoint": "http://h"}, ["endpoint"]),
        (QUEUE, {"push_token": "t"}, ["push_token"]),
        (QUEUE, {"endpoint": "ftp://h"}, ["endpoint"]),
        (LEAST, {"configure": True}, ["access_key", "secret_key", "target_arn", "bucket_endpoint"]),
        (QUEUE, {"configure": True, "target_arn": "q"}, ["target_arn"]),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_field(given: dict[str, Any], changes: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        ObsSettings(**(given | changes))
    assert [fault.field for fault in refused.value.faults] == fields


@pytest.mark.parametrize(
    "changes",
    [
        {"bucket": ""},
        {"bucket": "b" * 65},
        {"prefix": "p" * 1025},
        {"suffix": "s" * 1025},
        {"events": "Put"},
        {"batch_size": 0},
        {"prefetch": 1001},
        {"visibility_timeout": 4},
        {"key_encoding": "other"},
        {"no_such": 1},
    ],
)
def test_what_has_the_wrong_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**changes)


def test_events_may_be_written_in_any_of_their_forms() -> None:
    assert settings(events=["Put", "ObjectCreated:Post", "s3:ObjectRemoved:*"]).selection.events == {
        "ObjectCreated:Put",
        "ObjectCreated:Post",
        "ObjectRemoved:*",
    }


def test_queue_and_bucket_are_where_the_queue_is_unless_they_are_said_to_be_elsewhere() -> None:
    own = settings(QUEUE)
    assert (own.queue_endpoint, own.store_endpoint) == ("http://127.0.0.1:5000", "http://127.0.0.1:5000")
    own = settings(QUEUE, endpoint="https://sqs", bucket_endpoint="https://s3")
    assert (own.queue_endpoint, own.store_endpoint) == ("https://sqs", "https://s3")


def test_two_batches_fit_into_the_window() -> None:
    assert settings(QUEUE, batch_size=500, prefetch=10).window == 1000
    assert settings(QUEUE, prefetch=7).window == 7


def test_secrets_are_never_shown() -> None:
    assert "the-secret" not in repr(settings(QUEUE))
    assert "the-token" not in repr(settings(push_token="the-token"))
