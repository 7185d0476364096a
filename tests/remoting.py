"""RocketMQ's older protocol, as far as tests speak it: frames of JSON headers and bodies, signed if there is a key."""

import base64
import hashlib
import hmac
import json
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

ANSWER_S = 20.0
OK = 0


class Answer(NamedTuple):
    code: int
    said: str
    fields: Mapping[str, str]
    body: bytes


class Link:
    """One connection."""

    def __init__(self, connection: socket.socket, access_key: str, secret_key: str) -> None:
        self._connection = connection
        self._access_key = access_key
        self._secret_key = secret_key
        self._stream = connection.makefile("rb")
        self._opaque = 0

    def close(self) -> None:
        self._stream.close()

    def ask(self, code: int, fields: Mapping[str, str], body: bytes = b"") -> Answer:
        (answer,) = self.ask_all([(code, fields, body)])
        return answer

    def ask_all(self, requests: Sequence[tuple[int, Mapping[str, str], bytes]]) -> list[Answer]:
        self._connection.sendall(b"".join(self._frame(*request) for request in requests))
        answers = [self._read() for _ in requests]
        for answer in answers:
            assert answer.code == OK, answer
        return answers

    def _frame(self, code: int, fields: Mapping[str, str], body: bytes) -> bytes:
        self._opaque += 1
        header = {
            "code": code,
            "language": "PYTHON",
            "version": 0,
            "opaque": self._opaque,
            "flag": 0,
            "serializeTypeCurrentRPC": "JSON",
            "extFields": self._signed(fields, body) if self._access_key else fields,
        }
        text = json.dumps(header).encode()
        return struct.pack(">II", 4 + len(text) + len(body), len(text)) + text + body

    def _signed(self, fields: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        named = {**fields, "AccessKey": self._access_key}
        content = "".join(named[name] for name in sorted(named)).encode() + body
        digest = hmac.new(self._secret_key.encode(), content, hashlib.sha1).digest()
        return {**named, "Signature": base64.b64encode(digest).decode()}

    def _read(self) -> Answer:
        head = self._stream.read(8)
        if len(head) < 8:
            raise ConnectionError("the broker went away")
        length, header_length = struct.unpack(">II", head)
        rest = self._stream.read(length - 4)
        if len(rest) < length - 4:
            raise ConnectionError("the broker went away")
        header = json.loads(rest[: header_length & 0xFFFFFF])
        body = rest[header_length & 0xFFFFFF :]
        return Answer(header["code"], header.get("remark") or "", header.get("extFields") or {}, body)


@contextmanager
def connected(host: str, port: int, access_key: str = "", secret_key: str = "") -> Iterator[Link]:
    with socket.create_connection((host, port), ANSWER_S) as connection:
        link = Link(connection, access_key, secret_key)
        try:
            yield link
        finally:
            link.close()
