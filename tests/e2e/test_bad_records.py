"""Records that nobody would send on purpose: each has its documented encoding or end, and its neighbours are not touched."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Producer

from tests.e2e.driver import Sluice, Witness
from tests.servers import Kafka

TRIGGER_BODY = 4 * 1024 * 1024
"""The largest that the gateway takes for a trigger."""
BINARY = "data:application/octet-stream;base64,"
MakeFunction = Callable[..., str]


def produce(kafka: Kafka, values: Sequence[bytes | None]) -> str:
    """The values in order in a topic of one partition; its name."""
    topic = kafka.create_topic(config={"max.message.bytes": "9000000"})
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all", "message.max.bytes": 9_000_000})
    for value in values:
        producer.produce(topic, value)
    producer.flush(30)
    return topic


def settings(kafka: Kafka, topic: str, **more: object) -> dict[str, object]:
    return {"kafka_connect_address": kafka.bootstrap, "topic_ids": [topic], "start_position": "earliest", **more}


def messages(witness: Witness) -> list[object]:
    """What the function received, call by call."""
    bodies = [json.loads(body) for _, _, body in witness.calls()]
    return [message for body in bodies for record in body["records"] for message in record["messages"]]


def test_any_value_arrives_in_its_documented_encoding(sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction) -> None:
    every_byte, large = bytes(range(256)), b"x" * 900_000
    topic = produce(kafka, [b"first", every_byte, None, b"", b"{not json", large, "line\nend\u2028\x00".encode(), b"last"])
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", settings(kafka, topic, ordering="source"))
    row = sluice.until_ended(trigger, 8)
    assert (row["received"], row["success"]) == (8, 8)
    encoded = BINARY + base64.b64encode(every_byte).decode()
    expected = ["first", encoded, None, "", "{not json", large.decode(), "line\nend\u2028\x00", "last"]
    assert messages(witness) == expected


def test_a_record_over_the_limit_is_discarded_by_name_and_its_neighbours_run(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    topic = produce(kafka, [b"before", b"x" * 7_000_000, b"after", b"y" * 7_000_000, b"last"])
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", settings(kafka, topic, ordering="source"))
    row = sluice.until_ended(trigger, 5)
    assert (row["received"], row["success"], row["discarded"]) == (5, 3, 2)
    assert messages(witness) == ["before", "after", "last"]
    dead = [letter for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert [letter["end"] for letter in dead] == ["DISCARD", "DISCARD"]
    assert all("at most" in letter["message"] for letter in dead)


def test_a_record_that_makes_the_function_fail_ends_alone(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    values = [b"fail %d" % count if count in (7, 40) else b"good %d" % count for count in range(60)]
    topic = produce(kafka, [*values, b"exit"])
    trigger = sluice.trigger(make_function(instances=1, each=1), "OPENSOURCEKAFKA", settings(kafka, topic, ordering="source"))
    row = sluice.until_ended(trigger, 61)
    assert (row["success"], row["failed"], row["discarded"]) == (58, 3, 0)
    assert messages(witness) == [value.decode() for value in [*values, b"exit"]]
    dead = {letter["failure"] for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger}
    assert dead == {"function_error", "crashed"}


def test_a_request_that_makes_the_function_fail_ends_alone_and_any_body_arrives(
    sluice: Sluice, witness: Witness, make_function: MakeFunction
) -> None:
    """Bodies are base64 in their events, and so is what this function fails on."""
    environment = {**witness.environment, "FAIL": base64.b64encode(b"fail").decode()}
    urn, path = make_function(user_data=json.dumps(environment)), f"/odd-{secrets.token_hex(4)}"
    trigger = sluice.trigger(urn, "APIG", {"path": path, "auth": "NONE", "func_info": {"invocation_type": "async"}})
    sluice.until_state(trigger, "running")
    bodies = [b"before", b"fail", b"", b"\xff\xfe", bytes(range(256)), b"{not json", b"x" * TRIGGER_BODY, b"after"]
    for body in bodies:
        assert sluice.send("POST", path, body, signed=False)[0] == 202
    assert sluice.send("POST", path, b"x" * (TRIGGER_BODY + 1), signed=False)[0] == 413
    row = sluice.until_ended(trigger, len(bodies))
    assert (row["received"], row["success"], row["failed"], row["discarded"]) == (8, 7, 1, 0), row
    assert sorted(base64.b64decode(json.loads(body)["body"]) for _, _, body in witness.calls()) == sorted(bodies)
    dead = [letter["failure"] for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert dead == ["function_error"]


def test_a_refused_login_is_the_state_of_its_trigger_alone(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    topic = produce(kafka, [b"1"])
    function = make_function()
    certificate = (kafka.tls_dir / "ca.pem").read_text()
    login = {"kafka_user": kafka.username, "kafka_password": "wrong-password", "kafka_ssl_enable": True, "tls_ca": certificate}
    refused = sluice.trigger(function, "OPENSOURCEKAFKA", settings(kafka, topic, **login) | {"kafka_connect_address": kafka.secure})
    row = sluice.until_state(refused, "error")
    assert "SaslAuthenticationFailed" in row["reason"]
    assert "wrong-password" not in row["reason"]
    fine = sluice.trigger(function, "OPENSOURCEKAFKA", settings(kafka, topic))
    sluice.until_ended(fine, 1)
    assert sluice.row(refused)["received"] == 0


def test_a_deleted_topic_is_the_state_of_its_trigger_and_what_was_accepted_ends(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    topic = produce(kafka, [b"%d" % count for count in range(50)])
    slow = make_function(instances=1, each=1, delay_ms=60)
    trigger = sluice.trigger(slow, "OPENSOURCEKAFKA", settings(kafka, topic))
    sluice.until_ended(trigger, 1)
    kafka.delete_topic(topic)
    row = sluice.until_state(trigger, "error")
    assert row["reason"] == f"no such topic: {topic}"
    row = sluice.until_ended(trigger, 50)
    assert (row["received"], row["success"]) == (50, 50)
    assert sorted(map(int, map(str, messages(witness)))) == list(range(50))


def test_a_broker_that_is_not_there_yet_is_waited_for(sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction) -> None:
    topic = produce(kafka, [b"early"])
    function = make_function()
    kafka.kill()
    try:
        trigger = sluice.trigger(function, "OPENSOURCEKAFKA", settings(kafka, topic))
        row = sluice.until_state(trigger, "waiting")
        assert kafka.bootstrap in row["reason"]
    finally:
        kafka.start()
    began = time.monotonic()
    row = sluice.until_ended(trigger, 1)
    assert row["success"] == 1
    assert time.monotonic() - began < 30
