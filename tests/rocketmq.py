"""A publisher and administrator of a test's own: speaks the remoting protocol to the broker, not gRPC to the proxy as the trigger does."""

import hashlib
import http.client
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.remoting import ANSWER_S
from tests.servers import RocketMq

CHUNK = 500
"""Requests on their way at once."""
_SEND, _UPDATE_TOPIC, _UPDATE_GROUP = 10, 17, 200
_CREATE_USER, _UPDATE_USER, _GET_USER = 3001, 3002, 3004
_ANSWERS = "rocketmq_pop_revive_in_message_total{"
_READ_AND_WRITE = 6


class Sent(NamedTuple):
    """One message. `group` is its message group, which also chooses its queue."""

    body: bytes
    id: str = ""
    tag: str = ""
    keys: str = ""
    group: str = ""
    properties: Mapping[str, str] = {}


class Topic:
    """One topic and one consumer group. Nothing stays open between two calls, so the broker may be killed at any time."""

    def __init__(self, server: RocketMq, *, queues: int = 1, ordered: bool = False) -> None:
        self.name = f"topic-{secrets.token_hex(6)}"
        self.group = f"group-{secrets.token_hex(6)}"
        self.queues = queues
        self._server = server
        kind = "FIFO" if ordered else "NORMAL"
        with server.administered() as link:
            link.ask(_UPDATE_TOPIC, _topic_fields(self.name, queues, kind))
            link.ask(_UPDATE_GROUP, {}, _group_body(self.group, ordered))

    def publish(self, *bodies: bytes, **more: Any) -> None:
        """On disk, or with the system on its way there, when it returns."""
        self.send([Sent(body, **more) for body in bodies])

    def send(self, messages: Sequence[Sent]) -> None:
        """All are confirmed when it returns. Raises OSError when the broker goes away meanwhile: then nobody knows which have arrived."""
        with self._server.administered() as link:
            for start in range(0, len(messages), CHUNK):
                requests = [
                    (_SEND, self._send_fields(message, start + at), message.body)
                    for at, message in enumerate(messages[start : start + CHUNK])
                ]
                link.ask_all(requests)

    def _send_fields(self, message: Sent, number: int) -> dict[str, str]:
        queue = hash_of(message.group) if message.group else number
        return {
            "producerGroup": "publisher",
            "topic": self.name,
            "defaultTopic": "TBW102",
            "defaultTopicQueueNums": "4",
            "queueId": str(queue % self.queues),
            "sysFlag": "0",
            "bornTimestamp": str(int(time.time() * 1000)),
            "flag": "0",
            "properties": _properties(message),
            "reconsumeTimes": "0",
            "unitMode": "false",
            "batch": "false",
        }

    def answered(self) -> int:
        """How many messages of the group were answered: acknowledged, or hidden for another time, which the broker counts alike."""
        asked = http.client.HTTPConnection(self._server.host, self._server.figures_port, timeout=ANSWER_S)
        asked.request("GET", "/metrics")
        text = asked.getresponse().read().decode()
        asked.close()
        lines = (line for line in text.splitlines() if line.startswith(_ANSWERS) and f'consumer_group="{self.group}"' in line)
        return sum(int(float(line.rpartition(" ")[2])) for line in lines if 'revive_message_type="ACK"' in line)


def set_key(server: RocketMq, access_key: str, secret_key: str) -> None:
    """From now on the server knows this key with this secret, and no other secret."""
    with server.administered() as link:
        known = link.ask(_GET_USER, {"username": access_key}).body
        user = json.dumps({"username": access_key, "password": secret_key, "userType": "Super", "userStatus": "enable"}).encode()
        link.ask(_UPDATE_USER if known else _CREATE_USER, {"username": access_key}, user)


def hash_of(group: str) -> int:
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big")


def _properties(message: Sent) -> str:
    named = {"UNIQ_KEY": message.id or secrets.token_hex(16), "TAGS": message.tag, "KEYS": message.keys, "__SHARDINGKEY": message.group}
    return "".join(f"{name}\x01{value}\x02" for name, value in {**named, **message.properties}.items() if value)


def _topic_fields(name: str, queues: int, kind: str) -> dict[str, str]:
    return {
        "topic": name,
        "defaultTopic": "TBW102",
        "readQueueNums": str(queues),
        "writeQueueNums": str(queues),
        "perm": str(_READ_AND_WRITE),
        "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": "0",
        "order": "false",
        "attributes": f"+message.type={kind}",
        "force": "false",
    }


def _group_body(name: str, ordered: bool) -> bytes:
    return json.dumps(
        {
            "groupName": name,
            "consumeEnable": True,
            "consumeMessageOrderly": ordered,
            "consumeBroadcastEnable": True,
            "retryQueueNums": 1,
            "retryMaxTimes": 16,
        }
    ).encode()
