"""Requests to triggers on the wire, as messages and back."""

from sluice.push import Answer, Request
from sluice.v1 import event_pb2, push_pb2


def packed_request(request: Request) -> push_pb2.PushedRequest:
    return push_pb2.PushedRequest(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=[event_pb2.Header(name=name, value=value) for name, value in request.headers.items()],
        body=request.body,
        sender=request.sender,
        is_local=request.is_local,
        is_known=request.is_known,
        id=request.id,
    )


def unpacked_request(message: push_pb2.PushedRequest) -> Request:
    return Request(
        method=message.method,
        path=message.path,
        query=message.query,
        headers={header.name: header.value for header in message.headers},
        body=message.body,
        sender=message.sender,
        is_local=message.is_local,
        is_known=message.is_known,
        id=message.id,
    )


def packed_answer(answer: Answer) -> push_pb2.PushedAnswer:
    headers = [event_pb2.Header(name=name, value=value) for name, value in answer.headers]
    return push_pb2.PushedAnswer(status=answer.status, headers=headers, body=answer.body)


def unpacked_answer(message: push_pb2.PushedAnswer) -> Answer:
    return Answer(message.status, message.body, tuple((header.name, header.value) for header in message.headers))
