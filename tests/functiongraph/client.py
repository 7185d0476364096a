"""FunctionGraph's own SDK, unmodified, with every answer checked; and requests that no SDK would send, signed by the SDK's signer."""

import http.client
import json
import urllib.parse
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

from tests.functiongraph.lossless import faults

Refusal = ServiceResponseException
"""What the SDK raises for an answer that is not 2xx."""


def sdk_client(credentials: dict[str, str]) -> Any:
    """A client as a user would build it, of the content of credentials.json."""
    keys = BasicCredentials(credentials["access_key"], credentials["secret_key"], credentials["project_id"])
    return FunctionGraphClient.new_builder().with_credentials(keys).with_endpoint(credentials["endpoint"]).build()


class Sdk:
    """`sdk("show_function_config", function_urn=urn)` calls that operation of the SDK; a body may be given as plain JSON."""

    def __init__(self, credentials: dict[str, str]) -> None:
        self.client = sdk_client(credentials)
        self.credentials = credentials

    def __call__(self, operation: str, **parts: Any) -> Any:
        """The answer as the SDK's class, after a check that the class holds all of it. Raises the SDK's exceptions."""
        answer = getattr(self.client, operation)(self.request(operation, **parts))
        if answer.raw_content:
            lost = list(faults(json.loads(answer.raw_content), type(answer).__name__))
            assert not lost, (operation, lost)
        return answer

    def request(self, operation: str, **parts: Any) -> Any:
        """The SDK's request object. A body of plain JSON must be one that the SDK can express."""
        known = getattr(model, f"{_class_name(operation)}Request")
        if isinstance(parts.get("body"), dict):
            kind = known.openapi_types["body"]
            lost = list(faults(parts["body"], kind)) if hasattr(model, kind) else []
            assert not lost, (operation, lost)
            parts["body"] = self.client._deserialize(parts["body"], kind)
        return known(**parts)

    def refused(self, operation: str, code: str, status: int, **parts: Any) -> Any:
        """The SDK's exception of an operation that must be refused with this code and this status."""
        with pytest.raises(Refusal) as refused:
            self(operation, **parts)
        refusal = refused.value
        assert (refusal.error_code, refusal.status_code) == (code, status), (operation, str(refusal))
        assert refusal.request_id
        assert refusal.error_msg
        return refusal

    def raw(
        self, method: str, path: str, body: bytes = b"", *, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """A signed request whose path and query go out as they are written here: status, headers, body."""
        address = urllib.parse.urlsplit(self.credentials["endpoint"]).netloc
        signed = self.sign(method, path, body, {"Content-Type": "application/json", "Host": address, **(headers or {})})
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            connection.request(method, path, body or None, signed)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def sign(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        """These headers and those of a signature."""
        path, _, query = target.partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        keys = BasicCredentials(self.credentials["access_key"], self.credentials["secret_key"], self.credentials["project_id"])
        request = SdkRequest(
            method=method,
            schema="http",
            host=headers["Host"],
            resource_path=path,
            query_params=pairs,
            header_params=dict(headers),
            body=body,
        )
        return dict(Signer(keys).sign(request).header_params)


def _class_name(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


def forms(urn: str) -> list[str]:
    """The same URN percent-encoded, as the SDK sends it, and raw, as curl users do."""
    return [urllib.parse.quote(urn, safe=""), urn]
