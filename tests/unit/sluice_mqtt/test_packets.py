"""The packets, byte for byte as the standard has them."""

import pytest

from sluice_mqtt import packets
from sluice_mqtt.packets import V5, V311, Login, Malformed, Stream

LOGIN = Login(V5, "c", "u", "p", 30, 60, 100)


def test_a_login_of_each_version() -> None:
    properties = b"\x08\x11\x00\x00\x00\x3c\x21\x00\x64"
    assert packets.connect(LOGIN) == b"\x10\x1c\x00\x04MQTT\x05\xc0\x00\x1e" + properties + b"\x00\x01c\x00\x01u\x00\x01p"
    assert packets.connect(LOGIN._replace(version=V311)) == b"\x10\x13\x00\x04MQTT\x04\xc0\x00\x1e\x00\x01c\x00\x01u\x00\x01p"


def test_a_login_without_a_name_and_without_a_session_to_keep() -> None:
    found = packets.connect(LOGIN._replace(version=V311, user="", password="", session_expiry_s=0))
    assert found == b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01c"


def test_a_subscription_of_each_version() -> None:
    assert packets.subscribe(V5, 1, ["a/+"], 1, 2) == b"\x82\x09\x00\x01\x00\x00\x03a/+\x21"
    assert packets.subscribe(V311, 1, ["a/+", "b"], 2, 2) == b"\x82\x0c\x00\x01\x00\x03a/+\x02\x00\x01b\x02"


def test_the_answers() -> None:
    assert packets.acknowledged(258) + packets.received(258) + packets.completed(1) == b"\x40\x02\x01\x02\x50\x02\x01\x02\x70\x02\x00\x01"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_is_cut_into_packets_wherever_its_pieces_end(size: int) -> None:
    whole = b"\xd0\x00" + b"\x30\xc8\x01" + b"x" * 200 + b"\x62\x02\x00\x05"
    stream, found = Stream(), []
    for at in range(0, len(whole), size):
        stream.feed(whole[at : at + size])
        while first := stream.next():
            found.append((first, stream.take()))
    assert found == [(0xD0, b""), (0x30, b"x" * 200), (0x62, b"\x00\x05")]


def test_a_packet_can_wait_where_it_is() -> None:
    stream = Stream()
    stream.feed(b"\x30\x01")
    assert stream.next() == 0
    stream.feed(b"a\xd0")
    assert stream.next() == stream.next() == 0x30
    stream.feed(b"\x00")
    assert (stream.next(), stream.take(), stream.next(), stream.take()) == (0x30, b"a", 0xD0, b"")


def test_a_length_that_does_not_end_is_no_mqtt() -> None:
    stream = Stream()
    stream.feed(b"\x30\xff\xff\xff\xff\x01")
    with pytest.raises(Malformed):
        stream.next()


def test_a_message_of_each_version() -> None:
    found = packets.publish(0x3B, b"\x00\x03a/b\x00\x07payload", V311)
    assert found == packets.Publish("a/b", b"payload", 7, 1, True, True, {})
    found = packets.publish(0x30, b"\x00\x01a\x00", V5)
    assert found == packets.Publish("a", b"", 0, 0, False, False, {})


def test_every_property_is_read_and_those_of_the_user_keep_their_order() -> None:
    properties = b"\x01\x01" + b"\x02\x00\x00\x00\x05" + b"\x03\x00\x01t" + b"\x09\x00\x02\x00\xff" + b"\x0b\x80\x01" + b"\x23\x00\x07"
    properties += b"\x26\x00\x01a\x00\x01b" + b"\x26\x00\x01a\x00\x00"
    found = packets.publish(0x30, b"\x00\x01a" + bytes((len(properties),)) + properties + b"p", V5)
    assert found.payload == b"p"
    assert found.properties == {1: 1, 2: 5, 3: "t", 9: b"\x00\xff", 11: 128, 35: 7, packets.USER: [("a", "b"), ("a", "")]}


@pytest.mark.parametrize("body", [b"", b"\x00\x05a", b"\x00\x01a\x02\xff\x00", b"\x00\x01a\x09\x26\x00", b"\x00\x01a\x80\x80\x80\x80\x01"])
def test_what_ends_too_early_or_is_unknown_is_no_mqtt(body: bytes) -> None:
    with pytest.raises(Malformed):
        packets.publish(0x30, body, V5)


def test_a_quality_that_does_not_exist_is_no_mqtt() -> None:
    with pytest.raises(Malformed):
        packets.publish(0x36, b"\x00\x01a\x00\x01", V311)


def test_what_a_server_answers() -> None:
    assert packets.connack(b"\x01\x00", V311) == (True, 0, {})
    assert packets.connack(b"\x00\x01", V5) == (False, 1, {}), "a server that speaks only 3.1.1 says so in its own way"
    assert packets.connack(b"\x00\x87\x06\x13\x00\x0a\x1f\x00\x00"[:6] + b"\x1f\x00\x00", V5)[1] == 0x87
    assert packets.suback(b"\x00\x01\x00\x01\x8f", V5) == (1, b"\x01\x8f", {})
    assert packets.suback(b"\x00\x01\x80", V311) == (1, b"\x80", {})
    assert packets.disconnect(b"") == (0, {})
    assert packets.disconnect(b"\x8e\x05\x1f\x00\x02no") == (0x8E, {packets.REASON: "no"})
    assert packets.number(b"\x01\x02") == 258
