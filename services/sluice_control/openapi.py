"""The API described for programs: OpenAPI 3.1, made from the operations themselves; pure."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from sluice_control.asgi import Operation

_PARAMETER = re.compile(r"\{(\w+)\}")
_REFERENCE = "#/components/schemas/{name}"
_ERROR = {
    "type": "object",
    "required": ["error_code", "error_msg"],
    "properties": {"error_code": {"type": "string"}, "error_msg": {"type": "string"}},
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    bodies = sorted({operation.body for operation in operations if operation.body}, key=lambda body: body.__name__)
    references, schemas = msgspec.json.schema_components(bodies, ref_template=_REFERENCE)
    schema_of = dict(zip(bodies, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice", "version": "v2", "description": "FunctionGraph's REST API v2, and /sluice/v1 beside it."},
        "security": [{"signature": []}],
        "paths": paths,
        "components": {
            "schemas": schemas | {"Error": _ERROR},
            "securitySchemes": {"signature": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "SDK-HMAC-SHA256"}},
        },
    }


def _described(operation: Operation, schema_of: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "description": f"For {operation.needs} access.",
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _PARAMETER.findall(operation.path)),
            *({"name": name, "in": "query", "schema": {"type": "string"}} for name in operation.query),
        ],
        "responses": {
            "2XX": {"description": "Done."},
            "default": {
                "description": "Refused, or failed.",
                "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(name="Error")}}},
            },
        },
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema_of[operation.body]}}}
    return described
