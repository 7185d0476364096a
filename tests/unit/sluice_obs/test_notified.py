"""What is written into a bucket's configuration, and what is left as it is."""

from typing import Any

from sluice_obs.notified import entry, with_ours
from sluice_obs.settings import ObsSettings

QUEUE, TOPIC = "arn:aws:sqs:eu-west-1:1:q", "arn:aws:sns:eu-west-1:1:t"
SETTINGS = ObsSettings(bucket="photos", events=["Put", "ObjectRemoved"], prefix="in/", suffix=".png")
OURS: dict[str, Any] = {
    "Id": "t1",
    "QueueArn": QUEUE,
    "Events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"],
    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".png"}]}},
}
THEIRS: dict[str, Any] = {
    "QueueConfigurations": [{"Id": "q", "QueueArn": "arn:other", "Events": ["s3:ObjectCreated:Post"]}],
    "TopicConfigurations": [{"Id": "t", "TopicArn": TOPIC, "Events": ["s3:ObjectCreated:Copy"]}],
    "LambdaFunctionConfigurations": [{"Id": "l", "LambdaFunctionArn": "arn:l", "Events": ["s3:ObjectCreated:Copy"]}],
    "EventBridgeConfiguration": {},
}


def test_ours_is_added_and_everybody_elses_is_kept() -> None:
    assert with_ours({}, SETTINGS, "t1", QUEUE) == {"QueueConfigurations": [OURS]}
    written = with_ours(THEIRS | {"ResponseMetadata": {}}, SETTINGS, "t1", QUEUE)
    assert written == THEIRS | {"QueueConfigurations": [*THEIRS["QueueConfigurations"], OURS]}


def test_a_topic_is_told_as_a_topic() -> None:
    written = with_ours(THEIRS, SETTINGS, "t1", TOPIC)
    assert written is not None
    assert written["TopicConfigurations"][1] == {"TopicArn": TOPIC} | {name: value for name, value in OURS.items() if name != "QueueArn"}
    assert written["QueueConfigurations"] == THEIRS["QueueConfigurations"]


def test_what_is_there_already_is_not_written_again() -> None:
    rules = [{"Name": "Suffix", "Value": ".png"}, {"Name": "Prefix", "Value": "in/"}]
    as_stored = OURS | {"Events": OURS["Events"][::-1], "Filter": {"Key": {"FilterRules": rules}}}
    assert with_ours({"QueueConfigurations": [as_stored]}, SETTINGS, "t1", QUEUE) is None


def test_an_older_one_of_ours_is_replaced_wherever_it_stands() -> None:
    older = {"TopicConfigurations": [{"Id": "t1", "TopicArn": TOPIC, "Events": ["s3:ObjectCreated:*"]}]}
    assert with_ours(older, SETTINGS, "t1", QUEUE) == {"QueueConfigurations": [OURS]}


def test_a_filter_holds_only_what_is_given() -> None:
    assert "Filter" not in entry(ObsSettings(bucket="b", events=["Put"]), "t1", QUEUE)
