"""Hooks of schemathesis: requests about what is there, signed by the SDK's own signer, that spare what the run itself needs."""

import json
import os
from pathlib import Path
from typing import Any

import requests
import schemathesis
from requests.auth import AuthBase

from tests.functiongraph.client import Sdk

SDK = Sdk(json.loads(Path(os.environ["CASES_CREDENTIALS"]).read_text()))
THERE: dict[str, list[str]] = json.loads(os.environ["CASES_THERE"])
"""By the name of a path parameter: what it may be so that something is found."""
_ADDED = ("Host", "X-Sdk-Date", "Authorization")


class Signature(AuthBase):
    """Signs what is about to be sent, whatever it is."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        assert isinstance(body, bytes)
        assert request.method is not None
        signed = SDK.sign(request.method, request.path_url, body, {"Host": SDK.credentials["endpoint"].partition("//")[2]})
        for name in _ADDED:
            request.headers[name] = signed[name]
        return request


schemathesis.auths.GLOBAL_AUTH_STORAGE.set_from_requests(Signature())


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Half of what a path names is there; the project is always the run's own, because another one is refused before all else."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                there = THERE.get(parameter["name"])
                if parameter["in"] == "path" and there:
                    whole = {"type": "string", "enum": there}
                    parameter["schema"] = whole if parameter["name"] == "project_id" else {"anyOf": [whole, parameter["schema"]]}


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Not the answers that never end, and not the key that the run signs with."""
    query, path = case.query or {}, case.path_parameters or {}
    return query.get("follow") != "true" and path.get("access_key") != SDK.credentials["access_key"]
