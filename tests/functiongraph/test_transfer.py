"""Export and import through the unmodified SDK; one test an operation."""

import base64
import io
import zipfile

from tests.functiongraph.client import Sdk
from tests.functiongraph.conftest import Deploy


def exported(sdk: Sdk, function: str, **how: object) -> bytes:
    answer = sdk.client.export_function(sdk.request("export_function", function_urn=function, **how))
    file: bytes = answer.raw_content
    return file


def test_export_function(sdk: Sdk, function: str, name: str, echo: str) -> None:
    with zipfile.ZipFile(io.BytesIO(exported(sdk, function, config=True, code=True))) as archive:
        assert sorted(entry.rpartition(".")[2] for entry in archive.namelist()) == ["yaml", "zip"]
    assert exported(sdk, function, type="code") == base64.b64decode(echo)
    sdk.refused("export_function", "FSS.1001", 400, function_urn=function)
    sdk.refused("export_function", "FSS.1051", 404, function_urn=name, type="code")


def test_import_function_brings_back_what_was_exported(sdk: Sdk, deploy: Deploy, name: str) -> None:
    function = deploy(func_name=name, description="travels", user_data='{"a": "b"}')
    file = exported(sdk, function, config=True, code=True)
    before = sdk("show_function_config", function_urn=function)
    sdk("delete_function", function_urn=function)
    body = {"func_name": name, "file_name": f"{name}.zip", "file_type": "zip", "file_code": base64.b64encode(file).decode()}
    made = sdk("import_function", body=body)
    assert (made.func_urn, made.digest) == (before.func_urn, before.digest)
    assert (made.description, made.user_data) == ("travels", '{"a": "b"}')
    assert sdk("invoke_function", function_urn=function, body={"n": 1}).status == 200
    for wrong, code, status in [
        ({"func_name": "other"}, "FSS.1057", 404),
        ({"file_type": "jar"}, "FSS.1013", 400),
        ({"file_code": "e30="}, "FSS.1013", 400),
    ]:
        sdk.refused("import_function", code, status, body={**body, **wrong})
