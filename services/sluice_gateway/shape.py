"""The event of an HTTP request, as FunctionGraph's API gateway builds it."""

import base64
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice_gateway.settings import ApigSettings


class RequestContext(msgspec.Struct, gc=False, rename="camel"):
    api_id: str
    request_id: str
    stage: str
    source_ip: str


class HttpEvent(msgspec.Struct, gc=False, rename="camel"):
    """Field for field what the function receives. `body` is base64; a repeated query key is an array of its values, in order;
    repeated header lines are joined with ", " (cookies with "; ")."""

    body: str
    request_context: RequestContext
    query_string_parameters: dict[str, str | list[str]]
    http_method: str
    path_parameters: dict[str, str]
    headers: dict[str, str]
    path: str
    is_base64_encoded: bool = True


class Peer(msgspec.Struct, gc=False):
    """Where a request came from and by which door."""

    address: str
    port: str
    scheme: str


class Request(msgspec.Struct, gc=False):
    """A request as it was received; `path` and `query` are still escaped, names in `lines` are in lower case."""

    method: str
    path: bytes
    query: bytes
    lines: Sequence[tuple[bytes, bytes]]
    peer: Peer


_encoder = msgspec.json.Encoder()


def event_body(
    served: tuple[str, str], request_id: str, parameters: dict[str, str], request: Request, headers: dict[str, str], body: bytes
) -> bytes:
    """The JSON of one request. `served` is the trigger's id and stage, `headers` come from `event_headers`. The path is as sent, still
    escaped, so that an HTTP function gets the original; parameters are decoded."""
    return _encoder.encode(
        HttpEvent(
            base64.b64encode(body).decode("ascii") if body else "",
            RequestContext(served[0], request_id, served[1], request.peer.address),
            query_parameters(request.query) if request.query else {},
            request.method,
            parameters,
            headers,
            request.path.decode("latin-1"),
        )
    )


def query_parameters(query: bytes) -> dict[str, str | list[str]]:
    """Decoded keys and values; a key without value has "", a repeated key has all its values."""
    found: dict[str, str | list[str]] = {}
    for key, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace"):
        seen = found.get(key)
        if seen is None:
            found[key] = value
        elif isinstance(seen, list):
            seen.append(value)
        else:
            found[key] = [seen, value]
    return found


def event_headers(headers: Sequence[tuple[bytes, bytes]], peer: Peer) -> dict[str, str]:
    """Lower-case names; what the door knows better than the sender (`x-real-ip`, `x-forwarded-*`) is set by the door."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.decode("latin-1")
        try:  # UTF-8 where it is that, so that an HTTP function gets the same bytes again
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        if key in found:
            text = f"{found[key]}{'; ' if key == 'cookie' else ', '}{text}"
        found[key] = text
    passed_on = found.get("x-forwarded-for")
    found["x-real-ip"] = peer.address
    found["x-forwarded-for"] = f"{passed_on}, {peer.address}" if passed_on else peer.address
    found["x-forwarded-port"] = peer.port
    found["x-forwarded-proto"] = peer.scheme
    return found


def shape(binding: Binding, settings: ApigSettings, records: Sequence[Record]) -> bytes:
    """The event of one request that is handed over as a record: its body is the value, the rest stands in the attributes
    `id`, `method`, `path`, `query`, `source_ip`, `port`, `scheme`, `parameter:<name>` and `header:<name>`."""
    (record,) = records
    one: Mapping[str, str] = dict(record.attributes)
    named = [(key.partition(":"), value) for key, value in record.attributes]
    lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for (group, _, name), value in named if group == "header"]
    peer = Peer(one.get("source_ip", ""), one.get("port", ""), one.get("scheme", "http"))
    path, query = one.get("path", settings.path).encode("latin-1"), one.get("query", "").encode("latin-1")
    request = Request(one.get("method", "POST"), path, query, lines, peer)
    parameters = {name: value for (group, _, name), value in named if group == "parameter"}
    served = (binding.trigger, settings.env_name)
    return event_body(served, one.get("id", record.id), parameters, request, event_headers(lines, peer), record.value or b"")
