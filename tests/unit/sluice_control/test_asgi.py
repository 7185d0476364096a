"""What holds for every operation: identity, project, role, limits, errors."""

import re

import pytest
from starlette.responses import Response

from sluice.errors import SluiceError, Unavailable
from sluice.identity import RIGHTS
from sluice.status import Check
from sluice_control import asgi
from sluice_control.api import operations
from sluice_control.asgi import Call, Operation, application
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, function_body
from tests.unit.sluice_control.fakes import FakeLogs, FakeRecords

FUNCTIONS = "/v2/{p}/fgs/functions"


async def no_checks() -> list[Check]:
    return []


async def test_nobody_is_served_without_an_identity(control: Control, records: FakeRecords, logs: FakeLogs) -> None:
    sent = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": f"/v2/{control.project}/fgs/functions", "query_string": b"", "headers": []}
    await control.api(records, logs, no_checks)(scope, receive, send)
    assert sent[0]["status"] == 401  # type: ignore[index]


async def test_another_project_looks_like_something_that_is_not_there(control: Control, api: Client) -> None:
    stranger = api.of_project("0" * 32)
    await api("POST", FUNCTIONS, function_body())
    missing = await api("GET", "/v2/nobody/fgs/functions")
    for path in (f"/v2/{api.project}/fgs/functions", f"/v2/{api.project}/fgs/functions/hello/config", f"/sluice/v1/{api.project}/triggers"):
        answer = await stranger("GET", path)
        assert (answer.error, answer.message) == (missing.error, missing.message) == ((404, "FSS.0404"), answer.message)
    urn = f"urn:fss:local-1:{api.project}:function:default:hello:latest"
    assert (await stranger("GET", f"{FUNCTIONS}/{urn}/config")).error == (404, "FSS.1051")
    assert (await stranger("GET", FUNCTIONS)).json["count"] == 0


async def test_each_role_may_do_what_it_is_for(control: Control, records: FakeRecords, logs: FakeLogs, api: Client) -> None:
    roles = {**RIGHTS, "stranger": frozenset[str]()}
    for operation in operations(control, records, logs, no_checks):
        path = re.sub(r"\{(?!p\})\w+\}", "none", operation.path.replace("{project_id}", "{p}"))
        for role, allowed in roles.items():
            answer = await api.as_role(role)(operation.method, path, b"{}")
            assert (answer.status == 403) == (operation.needs not in allowed), (operation.method, operation.path, role, answer.body)


CHANGES_NOTHING = {"dry_run_trigger", "show_res_instance_info"}
"""Asked with POST because they need a body."""


def needed(operation: Operation) -> str:
    if re.search(r"/(keys|projects|traces)\b", operation.path.removeprefix("/v3")):
        return "known" if operation.path.startswith("/v3/") else "admin"
    return "read" if operation.method == "GET" or operation.name in CHANGES_NOTHING else "write"


async def test_changes_need_more_than_reading_and_keys_more_than_changing(control: Control, records: FakeRecords, logs: FakeLogs) -> None:
    for operation in operations(control, records, logs, no_checks):
        assert operation.needs == needed(operation), operation.path


async def test_an_unknown_path_is_404_and_a_wrong_method_405_with_functiongraphs_body(api: Client) -> None:
    unknown = await api("GET", "/v2/{p}/nothing")
    assert (unknown.error, bool(unknown.headers["x-request-id"])) == ((404, "FSS.0404"), True)
    wrong = await api("PATCH", FUNCTIONS)
    assert (wrong.error, "GET" in wrong.headers["allow"]) == ((405, "FSS.0404"), True)


async def test_a_body_over_the_limit_is_413_and_only_code_and_records_may_be_large(
    control: Control, records: FakeRecords, logs: FakeLogs, api: Client
) -> None:
    await api("POST", FUNCTIONS, function_body())
    body = b'{"a": "%b"}' % (b"x" * asgi.MAX_BODY_BYTES)
    large = set()
    for operation in operations(control, records, logs, no_checks):
        path = re.sub(r"\{(?!p\})\w+\}", "none", operation.path.replace("{project_id}", "{p}"))
        answer = await api(operation.method, path, body)
        if answer.status == 413:
            assert answer.error == (413, "FSS.0413")
        else:
            large.add(operation.name)
    assert large == {"create_function", "update_function_code", "import_function", "dry_run_trigger"}


async def test_a_slash_too_many_is_another_path_and_no_redirection(api: Client) -> None:
    assert (await api("GET", f"{FUNCTIONS}/")).error == (404, "FSS.0404")


async def test_what_may_work_later_is_503_with_a_hint_and_a_bug_is_500_without_its_words() -> None:
    async def busy(call: Call) -> Response:
        raise Unavailable("the disk is full", 2.5)

    async def broken(call: Call) -> Response:
        raise SluiceError("secret words")

    async def worse(call: Call) -> Response:
        raise ValueError("secret words")

    handlers = {"busy": busy, "broken": broken, "worse": worse}
    lines = [Operation(name, "GET", f"/{name}/{{project_id}}", "read", handler) for name, handler in handlers.items()]
    client = Client(application(lines), "p")
    later = await client("GET", "/busy/p")
    assert (later.error, later.headers["retry-after"], later.message) == ((503, "FSS.0503"), "3", "the disk is full")
    for path in ("/broken/p", "/worse/p"):
        bug = await client("GET", path)
        assert bug.error == (500, "FSS.0500")
        assert b"secret" not in bug.body


@pytest.mark.parametrize("text", ["-1", "++5", "%2B5", "1.0", "٣", "x", "9" * 19, "9" * 5000])
async def test_what_is_no_whole_number_is_refused(api: Client, text: str) -> None:
    assert (await api("GET", f"{FUNCTIONS}?marker={text}")).error == (400, "FSS.1001")


@pytest.mark.parametrize(("path", "methods"), [("", "GET, HEAD, POST"), ("/import", "POST"), ("/hello/config", "GET, HEAD, PUT")])
async def test_a_refused_method_is_told_which_ones_the_path_has(api: Client, path: str, methods: str) -> None:
    answer = await api("PATCH", FUNCTIONS + path)
    assert answer.status == 405
    assert sorted(answer.headers["allow"].split(", ")) == methods.split(", ")


async def test_a_parameter_that_is_there_twice_is_refused(api: Client) -> None:
    assert (await api("GET", f"{FUNCTIONS}?maxitems=1&maxitems=2")).error == (400, "FSS.1001")
