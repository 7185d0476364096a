"""Functions out as files and in again, through the API."""

import base64
import io
import zipfile
from typing import Any

import pytest
import yaml

from tests.unit.sluice_control.client import Client, function_body, package

FUNCTIONS = "/v2/{p}/fgs/functions"
HELLO = f"{FUNCTIONS}/hello"


def file_of(entries: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def body(file: bytes, name: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"func_name": name, "file_name": f"{name}.zip", "file_type": "zip", "file_code": base64.b64encode(file).decode(), **fields}


@pytest.fixture
async def hello(api: Client) -> Client:
    secret = '{"password": "geheim"}'
    more: dict[str, Any] = {
        "user_data": '{"a": "b"}',
        "encrypted_user_data": secret,
        "strategy_config": {"concurrency": 7, "concurrent_num": 2},
    }
    await api("POST", FUNCTIONS, function_body(description="says hello", **more))
    return api


def told(configuration: dict[str, Any]) -> dict[str, Any]:
    """Of a configuration what does not belong to the one place and time."""
    own = ("func_id", "resource_id", "last_modified", "image_name", "func_urn", "package")
    return {name: value for name, value in configuration.items() if name not in own}


async def test_a_function_goes_out_as_a_file_and_comes_back_as_it_was(hello: Client) -> None:
    exported = await hello("GET", f"{HELLO}/export?config=true&code=true")
    assert exported.status == 200
    assert exported.headers["content-type"] == "application/octet-stream"
    before = (await hello("GET", f"{HELLO}/config")).json
    assert (await hello("DELETE", HELLO)).status == 204
    made = await hello("POST", f"{FUNCTIONS}/import", body(exported.body))
    assert made.status == 200
    after = (await hello("GET", f"{HELLO}/config")).json
    assert told(after) == told(before)
    assert made.json["digest"] == before["digest"]
    assert (await hello("GET", f"{HELLO}/export?config=true&code=true")).body == exported.body


async def test_no_secret_leaves_and_the_one_that_is_here_stays(hello: Client) -> None:
    exported = await hello("GET", f"{HELLO}/export?config=true&code=true")
    with zipfile.ZipFile(io.BytesIO(exported.body)) as archive:
        assert b"geheim" not in archive.read("hello.yaml")
    generation = (await hello("GET", f"{HELLO}/config")).json["last_modified"]
    assert (await hello("POST", f"{FUNCTIONS}/import", body(exported.body))).status == 200
    assert (await hello("GET", f"{HELLO}/config")).json["last_modified"] == generation


async def test_the_code_or_the_configuration_can_go_alone(hello: Client) -> None:
    code = await hello("GET", f"{HELLO}/export?type=code")
    assert base64.b64encode(code.body).decode() == package()
    assert (await hello("GET", f"{HELLO}/export?code=true")).body == code.body
    config = await hello("GET", f"{HELLO}/export?type=config")
    with zipfile.ZipFile(io.BytesIO(config.body)) as archive:
        assert archive.namelist() == ["hello.yaml"]
        assert yaml.safe_load(archive.read("hello.yaml"))["hello"]["description"] == "says hello"


async def test_a_configuration_alone_changes_a_function_that_is_there_and_makes_none(hello: Client) -> None:
    config = (await hello("GET", f"{HELLO}/export?type=config")).body
    with zipfile.ZipFile(io.BytesIO(config)) as archive:
        data = yaml.safe_load(archive.read("hello.yaml"))
    data["hello"]["description"] = "says more"
    file = file_of({"hello.yaml": yaml.safe_dump(data)})
    before = (await hello("GET", f"{HELLO}/config")).json
    changed = await hello("POST", f"{FUNCTIONS}/import", body(file))
    assert (changed.json["description"], changed.json["digest"]) == ("says more", before["digest"])
    refused = await hello("POST", f"{FUNCTIONS}/import", body(file, package="another"))
    assert refused.error == (400, "FSS.1012")


async def test_an_image_has_a_configuration_and_no_package(hello: Client) -> None:
    image = {"code_type": "Custom-Image-Swr", "func_code": None, "custom_image": {"enabled": True, "image": "registry/image:1"}}
    await hello("POST", FUNCTIONS, function_body("image", **image))
    assert (await hello("GET", f"{FUNCTIONS}/image/export?type=code")).error == (400, "FSS.1012")
    exported = await hello("GET", f"{FUNCTIONS}/image/export?config=true&code=true")
    made = await hello("POST", f"{FUNCTIONS}/import", body(exported.body, "image", package="another"))
    assert (made.status, made.json["package"]) == (200, "another")


@pytest.mark.parametrize("query", ["", "?config=false", "?type=both", "?type=code&config=true", "?config=1"])
async def test_what_is_to_be_exported_is_said(hello: Client, query: str) -> None:
    assert (await hello("GET", f"{HELLO}/export{query}")).error == (400, "FSS.1001")
    assert (await hello("GET", f"{FUNCTIONS}/nobody/export?type=code")).error == (404, "FSS.1051")


GOOD = yaml.safe_dump({"hello": {"runtime": "Custom Image", "timeout": 30, "handler": "-", "memory_size": 128}})


@pytest.mark.parametrize(
    ("file", "error", "named"),
    [
        (b"no zip", (400, "FSS.1013"), "file_code"),
        (file_of({"hello.zip": b"x"}), (400, "FSS.1025"), "file_code"),
        (file_of({"a.yaml": GOOD, "b.yml": GOOD}), (400, "FSS.1022"), "a.yaml, b.yml"),
        (file_of({"a.yaml": "[1"}), (400, "FSS.1025"), "file_code"),
        (file_of({"a.yaml": "- 1"}), (400, "FSS.1025"), "file_code"),
        (file_of({"a.yaml": "x" * 300_000}), (400, "FSS.1025"), "file_code"),
        (file_of({"a.yaml": "!!python/object/apply:os.system ['true']"}), (400, "FSS.1025"), "file_code"),
        (file_of({"a.yaml": yaml.safe_dump({"other": {}})}), (404, "FSS.1057"), "hello"),
        (file_of({"a.yaml": yaml.safe_dump({"hello": 1})}), (400, "FSS.1025"), "hello"),
        (file_of({"a.yaml": yaml.safe_dump({"hello": {"unknown": 1}})}), (400, "FSS.0400"), "hello.unknown"),
        (file_of({"a.yaml": yaml.safe_dump({"hello": {"timeout": "x"}})}), (400, "FSS.1008"), "hello.timeout"),
        (file_of({"a.yaml": yaml.safe_dump({"hello": {"runtime": "Custom Image"}})}), (400, "FSS.1008"), "timeout"),
        (file_of({"a.yaml": GOOD, "a.zip": b"x"}), (400, "FSS.1011"), "func_code.file"),
        (file_of({"a.yaml": GOOD, "a.zip": b"x", "b.zip": b"x"}), (400, "FSS.1013"), "file_code"),
        (file_of({"a.yaml": GOOD.replace("Custom Image", "http")}), (400, "FSS.1005"), "runtime"),
    ],
)
async def test_a_file_that_cannot_be_imported_is_refused_by_its_fault(
    hello: Client, file: bytes, error: tuple[int, str], named: str
) -> None:
    before = (await hello("GET", f"{HELLO}/config")).json
    refused = await hello("POST", f"{FUNCTIONS}/import", body(file))
    assert refused.error == error
    assert named in refused.message
    assert (await hello("GET", f"{HELLO}/config")).json == before


async def test_a_file_over_50_mib_is_refused(hello: Client) -> None:
    refused = await hello("POST", f"{FUNCTIONS}/import", body(b"x" * (50 * 1024 * 1024 + 1)))
    assert refused.error == (400, "FSS.1023")
    assert (await hello("POST", f"{FUNCTIONS}/import", body(b"", file_type="jar"))).error == (400, "FSS.1013")
