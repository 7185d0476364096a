"""From the file's words to FunctionGraph's."""

import base64
import json

from sluice_cli.bodies import async_changed, async_config, changed, creation
from sluice_cli.schema import Async, Destination, Function

FUNCTION = Function(code="./x", memory=256, environment={"B": "2", "A": "1"})


def test_a_package_is_created_with_functiongraphs_fields() -> None:
    body = creation("hello", FUNCTION, b"zip")
    assert body["func_name"] == "hello"
    assert (body["runtime"], body["handler"], body["code_type"], body["package"]) == ("Custom Image", "-", "zip", "default")
    assert base64.b64decode(body["func_code"]["file"]) == b"zip"
    assert body["user_data"] == '{"A": "1", "B": "2"}'
    assert body["strategy_config"] == {"concurrency": 400, "concurrent_num": 1}


def test_an_image_and_an_http_function() -> None:
    body = creation("web", Function(image="registry/web:1", http=True, initialize=True), b"")
    unsaid = {"command": "", "args": "", "working_dir": "", "uid": "", "gid": ""}
    assert body["custom_image"] == {"enabled": True, "image": "registry/web:1", **unsaid}
    assert (body["runtime"], body["code_type"], body["initializer_handler"]) == ("http", "Custom-Image-Swr", "-")
    assert "func_code" not in body


def test_what_an_image_is_started_with_is_texts_with_commas() -> None:
    said = {"command": "/bin/sh,-c", "args": "run", "working_dir": "/srv", "uid": "101", "gid": "102"}
    function = Function(image="registry/web:1", command=["/bin/sh", "-c"], args=["run"], working_dir="/srv", uid=101, gid=102)
    present = creation("web", function, b"")
    assert present["custom_image"] == {"enabled": True, "image": "registry/web:1", **said}
    assert changed("web", function, present) == []
    assert changed("web", Function(image="registry/web:1"), present) == ["custom_image"]


def test_only_what_differs_is_changed() -> None:
    present = creation("hello", FUNCTION, b"zip") | {
        "user_data": '{"B":"2","A":"1"}',
        "initializer_timeout": None,
        "initializer_handler": None,
    }
    assert changed("hello", FUNCTION, present) == []
    assert changed("hello", FUNCTION, present | {"memory_size": 128, "user_data": ""}) == ["memory_size", "user_data"]


def test_secrets_always_count_and_are_taken_away_when_gone() -> None:
    secret = Function(code="./x", secrets={"K": "v"})
    masked = {"encrypted_user_data": '{"K": ""}'}
    assert changed("a", secret, creation("a", secret, b"") | masked) == ["encrypted_user_data"]
    assert changed("a", Function(code="./x"), creation("a", Function(code="./x"), b"") | masked) == ["encrypted_user_data"]


def test_destinations_in_the_file_become_urns() -> None:
    config = Async(retries=2, max_age=60, on_failure=Destination(function="alarm"), on_success=Destination(function="p:other"))
    body = async_config(config, {"alarm": "urn:alarm"})
    params = {end: json.loads(to["param"])["func_urn"] for end, to in body["destination_config"].items()}
    assert params == {"on_failure": "urn:alarm", "on_success": "p:other"}
    assert not async_changed(body, body | {"func_urn": "x"})
    assert async_changed(body, body | {"max_async_retry_attempts": 1})
    assert async_changed(body, body | {"destination_config": {"on_success": {}, "on_failure": {}}})
