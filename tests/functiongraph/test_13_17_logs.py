"""Checklist 13.17: with X-Cff-Log-Type: tail the last 4 KB of the log come in the answer and the last 2000 bytes in a header; the log has
the platform's Start and Finish lines."""

import base64
import json
import re
import time
from typing import Any

from tests.e2e.driver import Sluice
from tests.functiongraph.client import Sdk

START = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z Start invoke request '([0-9a-f-]{36})', version: latest")
FINISH = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z Finish invoke request '([0-9a-f-]{36})', duration: ([\d.]+)ms, billing duration: (\d+)ms, "
    r"memory used: [\d.]+MB, billing memory: 128MB"
)


def invoke(sdk: Sdk, urn: str, event: dict[str, Any], **headers: str) -> tuple[dict[str, str], bytes]:
    """The headers, names in lower case, and the body of an invocation with the tail of its log."""
    place = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{urn}/invocations"
    status, lines, body = sdk.raw("POST", place, json.dumps(event).encode(), headers={"X-Cff-Log-Type": "tail", **headers})
    assert status == 200
    return {name.lower(): value for name, value in lines.items()}, body


def test_13_17_the_sdk_gets_the_log_between_start_and_finish(sdk: Sdk, function: str) -> None:
    answer = sdk("invoke_function", function_urn=function, body={"do": "print", "text": "between"}, x_cff_log_type="tail")
    assert (answer.result, answer.status) == ("said", 200), "an SDK says no version and gets the envelope"
    start, *printed, finish = answer.log.splitlines()
    assert printed == ["between", "between"]
    begun, ended = START.fullmatch(start), FINISH.fullmatch(finish)
    assert begun, start
    assert ended, finish
    assert begun[1] == ended[1] == answer.request_id == answer.x_cff_request_id


def test_13_17_the_body_holds_4096_bytes_and_the_header_2000_of_them(sdk: Sdk, function: str) -> None:
    text = "x" * 5000 + "end"
    headers, body = invoke(sdk, function, {"do": "print", "text": text}, **{"X-CFF-Request-Version": "v1"})
    log = json.loads(body)["log"].encode()
    assert len(log) == 4096
    assert base64.b64decode(headers["x-cff-function-log"]) == log[-2000:]
    assert "end" in log.decode()
    bare, body = invoke(sdk, function, {"do": "print", "text": "short"}, **{"X-CFF-Request-Version": "v0"})
    assert body == b"said"
    assert b"short" in base64.b64decode(bare["x-cff-function-log"])


def test_13_17_nothing_of_the_log_comes_unless_asked_for(sdk: Sdk, function: str) -> None:
    answer = sdk("invoke_function", function_urn=function, body={"do": "print", "text": "quiet"})
    assert (answer.log, answer.result) == ("", "said")
    headers, _ = invoke(sdk, function, {"do": "print", "text": "quiet"}, **{"X-Cff-Log-Type": ""})
    assert "x-cff-function-log" not in headers


def test_13_17_the_summary_and_the_finish_line_agree(sdk: Sdk, function: str) -> None:
    headers, body = invoke(sdk, function, {"do": "sleep", "seconds": 0.05}, **{"X-CFF-Request-Version": "v1"})
    summary = json.loads(headers["x-cff-invoke-summary"])
    finish = FINISH.fullmatch(json.loads(body)["log"].splitlines()[-1])
    assert finish
    assert (float(finish[2]), int(finish[3])) == (summary["duration"], summary["billingDuration"])
    assert summary["billingDuration"] - 1 < summary["duration"] <= summary["billingDuration"]
    assert headers["x-cff-billing-duration"] == finish[3]
    assert (summary["memorySize"], summary["duration"] >= 50) == (128, True)


def test_13_17_a_failure_is_bracketed_too_and_says_why(sdk: Sdk, function: str) -> None:
    headers, body = invoke(sdk, function, {"do": "status", "status": 503}, **{"X-CFF-Request-Version": "v1"})
    assert (headers["x-is-func-err"], headers["x-func-err-code"], headers["x-cff-response-version"]) == ("true", "503", "v1")
    start, finish = json.loads(body)["log"].splitlines()
    assert START.fullmatch(start)
    assert FINISH.match(finish)
    assert finish.endswith("error: function_error: the function answered with status 503")


def test_13_17_every_line_of_the_log_names_its_request(sdk: Sdk, sluice: Sluice, function: str) -> None:
    events = [{"do": "print", "text": text} for text in ("one", "two")]
    requests = [sdk("invoke_function", function_urn=function, body=event).request_id for event in events]
    lines = logged(sluice, function, until=requests[1])
    for request, text in zip(requests, ("one", "two"), strict=True):
        own = [line["text"] for line in lines if line["event"] == request]
        assert (len(own), own[1:3]) == (4, [text, text])
        assert START.fullmatch(own[0])
        assert FINISH.fullmatch(own[3])


def logged(sluice: Sluice, urn: str, until: str) -> list[dict[str, Any]]:
    """The log, once the request's last line is in it."""
    deadline = time.monotonic() + 10
    while True:
        _, answer = sluice.send("GET", f"/sluice/v1/{sluice.project}/functions/{urn}/logs")
        lines = [json.loads(line) for line in answer.splitlines()]
        if any(line["event"] == until and "Finish invoke" in line["text"] for line in lines):
            return lines
        assert time.monotonic() < deadline, lines
        time.sleep(0.05)
