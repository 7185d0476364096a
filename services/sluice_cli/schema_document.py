"""sluice.yaml described for editors and other programs: a JSON schema made of the types that read it; pure."""

from typing import Any

import msgspec

from sluice_cli.schema import Manifest

_TEXT = "text"
_NAMED = {
    name: {"type": "object", "required": [name], "properties": {name: {"type": "string"}}, "additionalProperties": False}
    for name in ("env", "file")
}


def document() -> dict[str, Any]:
    """JSON Schema 2020-12. Where a text may stand, `{env: NAME}` and `{file: PATH}` may too."""
    made: dict[str, Any] = _with_sources(msgspec.json.schema(Manifest))
    made["$defs"][_TEXT] = {"anyOf": [{"type": "string"}, _NAMED["env"], _NAMED["file"]]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sluice.yaml"} | made


def _with_sources(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_sources(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") == "string":
        return {"$ref": f"#/$defs/{_TEXT}", **{name: value for name, value in part.items() if name != "type"}}
    return {name: _with_sources(value) for name, value in part.items()}
