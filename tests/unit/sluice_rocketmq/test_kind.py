"""What the mesh is told of the kind."""

import json
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice_rocketmq import KIND
from sluice_rocketmq.settings import RocketSettings

BINDING = Binding("t1", "p1", "ROCKETMQ", "rocketmq", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def settings(**changes: Any) -> RocketSettings:
    return msgspec.convert({"endpoints": "a:1,b:2", "topic": "jobs"} | changes, RocketSettings)


def test_it_serves_functiongraphs_type_and_creates_it_disabled() -> None:
    assert (KIND.name, KIND.types, KIND.created_disabled) == ("rocketmq", ("ROCKETMQ",), frozenset({"ROCKETMQ"}))


@pytest.mark.parametrize("changes", [{"endpoints": "c:1"}, {"topic": "others"}, {"consumer_group": "g"}, {"namespace": "n"}])
def test_another_group_or_topic_is_another_source(changes: dict[str, Any]) -> None:
    assert KIND.source_of(settings()) != KIND.source_of(settings(**changes))


def test_the_same_topics_are_the_same_source_whatever_else_changes() -> None:
    assert KIND.source_of(settings(topic="", topic_ids=["x", "jobs"])) == KIND.source_of(
        settings(endpoints="b:2, a:1", topic="", topic_ids=["jobs", "x"], batch_size=5, enable_acl=True, access_key="a", secret_key="s")
    )


def test_a_sample_is_of_a_topic_that_is_read() -> None:
    own = settings(topic="", topic_ids=["jobs", "others"])
    event = json.loads(KIND.shape(BINDING, own, [KIND.sample(own)]))
    assert [(element["topic_id"], element["messages"]) for element in event["records"]] == [("jobs", ['{"hello":"world"}'])]
