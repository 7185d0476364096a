"""Asks a cluster for topics with their ids, which the driver does not: a topic that was deleted and made anew has another id.

Metadata request version 10 of the Kafka protocol; brokers before 2.8 answer version 1, without ids.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from aiokafka import errors
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v1
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

_API_KEY = 3
_ID_BYTES = 16
_NO_ID = bytes(_ID_BYTES)
_SHOWN = 8
"""Characters of an id, 6 bits each, that tell two topics of one name apart."""


class Topics(msgspec.Struct, frozen=True):
    """What a cluster says: HOST:PORT of its brokers, the topics it does not have, and the ids of those it has ("" where it gives none)."""

    brokers: tuple[str, ...]
    missing: tuple[str, ...]
    ids: dict[str, str]


class _Id(AbstractType[bytes]):  # type: ignore[misc]  # the driver has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: Any) -> bytes:
        return bytes(data.read(_ID_BYTES))


_PARTITION = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = _API_KEY
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()), ("tags", TaggedFields)),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString()),
                ("topic_id", _Id),
                ("is_internal", Boolean),
                ("partitions", _PARTITION),
                ("topic_authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequest(RequestStruct):  # type: ignore[misc]
    API_KEY = _API_KEY
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Id), ("topic", CompactString()), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicsRequest(Request[MetadataRequest_v1 | _MetadataRequest]):  # type: ignore[misc]
    """Sent on a driver's connection; `topics_of` reads the answer. Never creates a topic."""

    API_KEY = _API_KEY

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, version: type[Any]) -> Any:
        if version is _MetadataRequest:
            return version([(_NO_ID, topic, {}) for topic in self._topics], False, False, False, {})
        return version(self._topics)


def topics_of(answer: Any) -> Topics:
    """Raises TopicAuthorizationFailedError for a topic that may not be read."""
    brokers = tuple(f"{host}:{port}" for _node, host, port, *_ in answer.brokers)
    missing, ids = [], {}
    for code, topic, first, *_ in answer.topics:
        if _is_missing(code, topic):
            missing.append(topic)
        elif code == 0:
            ids[topic] = shown(first) if answer.API_VERSION == _MetadataRequest.API_VERSION else ""
    return Topics(brokers, tuple(missing), ids)


def made_anew(before: Mapping[str, str], now: Mapping[str, str]) -> frozenset[str]:
    """The topics whose id is another one. One that has no id before or now is taken for the same."""
    return frozenset(topic for topic, identifier in now.items() if identifier and before.get(topic, "") not in ("", identifier))


def shown(identifier: bytes) -> str:
    return "" if identifier == _NO_ID else base64.urlsafe_b64encode(identifier).decode()[:_SHOWN]


def _is_missing(code: int, topic: str) -> bool:
    error = errors.for_code(code)
    if error is errors.TopicAuthorizationFailedError:
        raise error(topic)
    return error in (errors.UnknownTopicOrPartitionError, errors.InvalidTopicError)
