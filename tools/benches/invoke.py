"""Synchronous invocations through the API, each signed and checked, loaded by wrk."""

import time

from sluice.signature import sign
from tests.e2e.driver import Sluice
from tools.benches.figure import Row, at_least, figure
from tools.benches.http import Wrk
from tools.benches.processes import used_s
from tools.benches.setting import ANSWER, BODY_BYTES, Setting, make_function, tree

CONNECTIONS = 64
DIFFERENT = 256
"""Requests that are signed beforehand, each with a body of its own, and sent in turn."""
SEND = f"request = function() sent = (sent + 1) % {DIFFERENT}; return requests[sent] end\n"
NOTE = (
    "POST …/invocations with SDK-HMAC-SHA256, 1 KiB of JSON. The load generator sends 256 different requests in turn, signed before the "
    "measurement, so that signing is not part of it; the gateway checks each of them."
)


def row(setting: Setting) -> Row:
    function = setting.compiled(ANSWER)
    rates, cpu, medians = [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "invoked", function)
        wrk = Wrk(setting.scratch, script(sluice, f"/v2/{sluice.project}/fgs/functions/{urn}/invocations"))
        url = sluice.credentials["endpoint"]
        wrk.load(url, CONNECTIONS, 1)
        for _ in range(setting.runs):
            before = tree(sluice).cpu()
            load = wrk.load(url, CONNECTIONS, setting.scaled(5, 2))
            cpu.append(used_s(before, tree(sluice).cpu()) / load.requests * 1e6)
            rates.append(load.rate)
            medians.append(load.p50_ms)
    figures = (
        figure("throughput, 64 connections", "requests/s", rates, at_least(5_000)),
        figure("CPU, 64 connections", "µs a request", cpu),
        figure("p50, 64 connections", "ms", medians),
    )
    return Row("invoke", "signed sync invocation through the API, one process", figures, NOTE)


def script(sluice: Sluice, path: str) -> str:
    """For wrk: the signed requests, and to send them in turn."""
    keys, host = sluice.credentials, sluice.credentials["endpoint"].partition("//")[2]
    lines = []
    for number in range(DIFFERENT):
        body = b'{"number": %4d, "text": "' % number
        body += b"x" * (BODY_BYTES - len(body) - 2) + b'"}'
        headers = {"Content-Type": "application/json", "Host": host}
        headers |= sign(keys["access_key"], keys["secret_key"], "POST", path, headers, body, now=time.time())
        shown = ", ".join(f"[ {_quoted(name)} ] = {_quoted(value)}" for name, value in headers.items())
        lines.append(f'requests[{number}] = wrk.format("POST", {_quoted(path)}, {{{shown}}}, {_quoted(body.decode())})')
    return "\n".join(["local requests, sent = {}, 0", "init = function(args)", *lines, "end", SEND])


def _quoted(text: str) -> str:
    assert "]==]" not in text, text
    return f"[==[{text}]==]"
