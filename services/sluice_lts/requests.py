"""Requests that the gateway passes on: OTLP over HTTP, and Loki's push."""

import msgspec
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from sluice.errors import Invalid
from sluice.push import Answer, Request, problem
from sluice_lts import loki, otlp
from sluice_lts.arrivals import Arrivals, Told
from sluice_lts.bodies import MOST_LOGS, MOST_PLAIN_BYTES, TooLarge, unpacked, unsnapped
from sluice_lts.log import Log

OTLP_PATH = "/v1/logs"
LOKI_PATH = "/loki/api/v1/push"
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_PACKED_LOKI = frozenset({"", "snappy", "identity"})
_TOO_LARGE = f"Unpacked, the body is over {MOST_PLAIN_BYTES // 2**20} MiB, or has over {MOST_LOGS} logs."
_UNKNOWN = f"Logs are sent to {OTLP_PATH} and {LOKI_PATH} below this address."


async def answer(arrivals: Arrivals, request: Request) -> Answer:
    """Of one request whose sender may send."""
    way = {OTLP_PATH: _otlp, LOKI_PATH: _loki}.get(request.path)
    if way is None:
        return problem(404, _UNKNOWN)
    if request.method != "POST":
        return problem(405, "Logs are sent by POST.")
    return await way(arrivals, request)


async def _otlp(arrivals: Arrivals, request: Request) -> Answer:
    kind = _content_type(request)
    if kind not in (_PROTOBUF, _JSON):
        return problem(415, f"Content-Type is {_PROTOBUF} or {_JSON}.")
    try:
        body = unpacked(request.body, request.headers.get("content-encoding", ""))
        logs = (otlp.of_json if kind == _JSON else otlp.of_protobuf)(body, request.sender, whole=arrivals.whole)
    except TooLarge:
        return _failed(kind, 413, _TOO_LARGE)
    except Invalid as error:
        return _failed(kind, 400, f"Invalid parameter: {error}.")
    told = await arrivals.hand_over("otlp", body, logs)
    if told.retry_after_s:
        return _failed(kind, 503, f"Service unavailable: {told.reason}.", told.retry_after_s)
    return Answer(200, _partial(kind, told), (("content-type", kind),))


def _partial(kind: str, told: Told) -> bytes:
    """OTLP's word for what was taken, and what of it was not."""
    if kind == _JSON:
        refused = {"rejectedLogRecords": str(told.refused), "errorMessage": told.reason}
        return msgspec.json.encode({"partialSuccess": refused} if told.refused else {})
    return response_of(told).SerializeToString()


def response_of(told: Told) -> ExportLogsServiceResponse:
    if not told.refused:
        return ExportLogsServiceResponse()
    refused = ExportLogsPartialSuccess(rejected_log_records=told.refused, error_message=told.reason)
    return ExportLogsServiceResponse(partial_success=refused)


def _failed(kind: str, status: int, message: str, retry_after_s: float = 0.0) -> Answer:
    """OTLP's exporters read a Status, in the form of what they sent."""
    answer = problem(status, message, retry_after_s=retry_after_s)
    body = msgspec.json.encode({"message": message}) if kind == _JSON else Status(message=message).SerializeToString()
    headers = tuple((name, kind if name == "content-type" else value) for name, value in answer.headers)
    return Answer(status, body, headers)


async def _loki(arrivals: Arrivals, request: Request) -> Answer:
    try:
        body, logs = _pushed(request, whole=arrivals.whole)
    except TooLarge:
        return problem(413, _TOO_LARGE)
    except Invalid as error:
        return problem(400, f"Invalid parameter: {error}.")
    told = await arrivals.hand_over("loki", body, logs)
    if told.retry_after_s:
        return problem(429, f"Too many requests: {told.reason}.", retry_after_s=told.retry_after_s)
    if told.refused:
        return problem(400, f"Invalid parameter: {told.refused} of {len(logs)} entries were refused: {told.reason}.")
    return Answer(204)


def _pushed(request: Request, *, whole: bool) -> tuple[bytes, list[Log]]:
    """JSON where it is named; anything else is protobuf, and snappy whether it says so or not."""
    encoding = request.headers.get("content-encoding", "")
    if _content_type(request) == _JSON:
        body = unpacked(request.body, encoding)
        return body, loki.of_json(body, request.sender, whole=whole)
    body = unsnapped(request.body if encoding.strip().lower() in _PACKED_LOKI else unpacked(request.body, encoding))
    return body, loki.of_protobuf(body, request.sender, whole=whole)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
