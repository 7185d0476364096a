"""The API described for programs: OpenAPI 3.1, made from the operations and the types of their bodies and answers; pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from sluice_control.asgi import Call, Operation
from sluice_control.examples import EXAMPLES
from sluice_control.fss import CODES, status
from sluice_control.login import Login
from sluice_control.parameters import HEADERS, schema
from sluice_control.promises import EVERYWHERE, Promise, promised

_PARAMETER = re.compile(r"\{(\w+)\}")
_NAMED = re.compile(r"#/components/schemas/([\w.]+)")
_REFERENCE = "#/components/schemas/{name}"
_JSON = "application/json"
_NAME_OF_REQUEST = {"description": "Names this request.", "required": True, "schema": {"type": "string"}}
_HEADERS = {
    "X-Request-Id": _NAME_OF_REQUEST,
    "X-Cff-Request-Id": _NAME_OF_REQUEST,
    "X-Subject-Token": {"description": "The token.", "required": True, "schema": {"type": "string"}},
}
_SECURITY = {
    "signature": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "SDK-HMAC-SHA256"},
    "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token", "description": "Issued by POST /v3/auth/tokens."},
}


async def _at_the_gateway(_call: Call) -> Response:
    raise NotImplementedError("the gateway serves it by itself")


_ONE = "/v2/{project_id}/fgs/functions/{function_urn}"
INVOCATIONS = (
    Operation("invoke_function", "POST", _ONE + "/invocations", "invoke", _at_the_gateway),
    Operation("async_invoke_function", "POST", _ONE + "/invocations-async", "invoke", _at_the_gateway),
)
LOGIN = Operation("create_token", "POST", "/v3/auth/tokens", "nobody's", _at_the_gateway, Login, ("nocatalog",))
AT_THE_GATEWAY = (*INVOCATIONS, LOGIN)
"""What the gateway answers without control: here only to be described."""


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole API, with what the gateway serves by itself."""
    described = [*operations, *AT_THE_GATEWAY]
    schema_of, schemas = _schemas(described)
    paths: dict[str, dict[str, Any]] = {}
    for operation in described:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice", "version": "v2", "description": "FunctionGraph's REST API v2, and /sluice/v1 beside it."},
        "security": [{"signature": []}, {"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY},
    }


SchemaOf = Callable[[Any], dict[str, Any]]


def _schemas(operations: Iterable[Operation]) -> tuple[SchemaOf, dict[str, Any]]:
    """The schema of a type, which may be a reference, and those that are referred to."""
    bodies = [operation.body for operation in operations if operation.body]
    answers = [promised(operation.name).answer for operation in operations]
    kinds: dict[str, Any] = {repr(kind): kind for kind in (*bodies, *answers) if kind not in (None, bytes)}
    references, schemas = msgspec.json.schema_components(list(kinds.values()), ref_template=_REFERENCE)
    known = dict(zip(kinds, references, strict=True))
    for body in _reached([known[repr(body)] for body in bodies], schemas):
        _allow_nulls(schemas[body])
    return (lambda kind: known[repr(kind)]), schemas


def _reached(shown: Any, schemas: dict[str, Any]) -> set[str]:
    """The names of the schemas that are referred to, at every depth."""
    found: set[str] = set()
    waiting = [shown]
    while waiting:
        for name in set(_NAMED.findall(repr(waiting.pop()))) - found:
            found.add(name)
            waiting.append(schemas[name])
    return found


def _allow_nulls(shown: dict[str, Any]) -> None:
    """In a body null means the same as leaving the field out, also of one that nobody knows."""
    required = shown.get("required", [])
    if shown.get("additionalProperties") is False:
        shown["additionalProperties"] = {"type": "null"}
    for name, kind in shown.get("properties", {}).items():
        if isinstance(kind.get("additionalProperties"), dict):
            kind["additionalProperties"] = _nullable(kind["additionalProperties"])
        if name not in required:
            shown["properties"][name] = _nullable(kind)


def _nullable(kind: dict[str, Any]) -> dict[str, Any]:
    if not kind or {"type": "null"} in kind.get("anyOf", []):
        return kind
    default = {"default": kind.pop("default")} if "default" in kind else {}
    return {"anyOf": [kind, {"type": "null"}], **default}


def _described(operation: Operation, schema_of: SchemaOf) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "description": f"For {operation.needs} access.",
        "parameters": list(_parameters(operation)),
        "responses": _responses(promised(operation.name), schema_of),
    }
    if operation is LOGIN:
        described["description"] = "Anybody may ask: the access key and its secret are in the body."
        described["security"] = []
    if operation.body:
        media: dict[str, Any] = {"schema": schema_of(operation.body)}
        if operation.name in EXAMPLES:
            media["examples"] = {name: {"value": value} for name, value in EXAMPLES[operation.name].items()}
        needed = any(field.required for field in msgspec.structs.fields(operation.body))
        described["requestBody"] = {"required": needed, "content": {_JSON: media}}
    elif operation in INVOCATIONS:
        described["requestBody"] = {
            "required": False,
            "content": {_JSON: {"schema": {}, "examples": {"event": {"value": {"key": "value"}}}}},
        }
    return described


def _parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name in _PARAMETER.findall(operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": schema(operation.name, name)}
    for name in operation.query:
        yield {"name": name, "in": "query", "schema": schema(operation.name, name)}
    for name, kind in HEADERS.get(operation.name, {}).items():
        yield {"name": name, "in": "header", "schema": kind}


def _responses(promise: Promise, schema_of: SchemaOf) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in (*EVERYWHERE, *promise.errors):
        by_status.setdefault(status(code), []).append(code)
    by_status[405] = ["FSS.0404"]
    refusals = {str(number): _refusal(codes) for number, codes in sorted(by_status.items())}
    return {str(promise.status): _success(promise, schema_of), **refusals}


def _success(promise: Promise, schema_of: SchemaOf) -> dict[str, Any]:
    said: dict[str, Any] = {"description": "Done.", "headers": {name: _HEADERS[name] for name in promise.headers}}
    if promise.answer is not None:
        kind = {} if promise.answer is bytes else schema_of(promise.answer)
        said["content"] = {promise.media: {"schema": kind}}
    return said


def _refusal(codes: Sequence[str]) -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["error_code", "error_msg"],
        "properties": {"error_code": {"type": "string", "enum": list(dict.fromkeys(codes))}, "error_msg": {"type": "string"}},
    }
    told = " ".join(dict.fromkeys(CODES[code][1] if code in CODES else code for code in codes))
    return {"description": told, "headers": {"X-Request-Id": _HEADERS["X-Request-Id"]}, "content": {_JSON: {"schema": error}}}
