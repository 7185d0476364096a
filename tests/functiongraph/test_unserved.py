"""The operations that are not served, through the unmodified SDK."""

import re

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ServerResponseException
from huaweicloudsdkfunctiongraph.v2 import model

from sluice_control.unserved import operations
from tests.functiongraph.client import Sdk

NAMES = sorted(operation.name for operation in operations())


@pytest.mark.parametrize("operation", NAMES)
def test_an_operation_that_is_not_served_raises_the_sdks_exception_with_its_name(sdk: Sdk, operation: str) -> None:
    kind = getattr(model, "".join(part.capitalize() for part in operation.split("_")) + "Request")
    parts = {name: "x" for name, path in kind.attribute_map.items() if name not in ("body", "status") and not re.match(r"X-", path)}
    refusal = sdk.refused(operation, "FSS.0501", 501, **parts)
    assert isinstance(refusal, ServerResponseException)
    assert operation in refusal.error_msg


def test_a_caller_that_is_not_known_is_told_nothing_of_it(sdk: Sdk) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/workflows"
    status, _, body = sdk.raw("GET", path, headers={"X-Sdk-Date": "20200101T000000Z"})
    assert (status, b"FSS.0401" in body) == (401, True)
