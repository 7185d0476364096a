"""A sender of CloudEvents without the SDK: requests as bytes, each event in the form whose turn it is."""

import base64
import itertools
import json
from collections.abc import Mapping
from typing import NamedTuple

MODES = ("binary", "structured", "batch", "published")


class Sent(NamedTuple):
    headers: Mapping[str, str]
    body: bytes


class CannedSender:
    """Numbers its events; data that is not JSON goes as it is in the binary mode and in Base64 in the others."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def message(self, data: bytes) -> Sent:
        number = next(self._numbers)
        attributes = {"specversion": "1.0", "id": f"e-{number}", "source": "/canned", "type": "numbered"}
        octets = "application/octet-stream"
        mode = MODES[number % len(MODES)]
        if mode == "binary":
            return Sent({f"CE-{name}": value for name, value in attributes.items()} | {"Content-Type": octets}, data)
        event = attributes | {"datacontenttype": octets, "data_base64": base64.b64encode(data).decode()}
        match mode:
            case "structured":
                return Sent({"Content-Type": "application/cloudevents+json; charset=UTF-8"}, json.dumps(event, indent=1).encode())
            case "batch":
                return Sent({"Content-Type": "application/cloudevents-batch+json"}, json.dumps([event]).encode())
        return Sent({"Content-Type": "application/json"}, json.dumps({"events": [event]}).encode())
