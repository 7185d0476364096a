"""A function's whole life through FunctionGraph's Python SDK: nothing in it knows where it runs but the endpoint and the keys.

    pip install huaweicloudsdkfunctiongraph
    FG_ENDPOINT=http://127.0.0.1:8090 FG_AK=... FG_SK=... FG_PROJECT=... python orders.py

With Sluice the four are in DATA/credentials.json.
"""

import base64
import io
import json
import os
import time
import zipfile
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import (
    ApigTriggerFuncInfo,
    AsyncInvokeFunctionRequest,
    BatchDeleteFunctionTriggersRequest,
    CreateFunctionRequest,
    CreateFunctionRequestBody,
    CreateFunctionTriggerRequest,
    CreateFunctionTriggerRequestBody,
    CreateFunctionVersionRequest,
    CreateFunctionVersionRequestBody,
    CreateVersionAliasRequest,
    CreateVersionAliasRequestBody,
    DeleteFunctionAsyncInvokeConfigRequest,
    DeleteFunctionRequest,
    DeleteVersionAliasRequest,
    FuncCode,
    FunctionGraphClient,
    InvokeFunctionRequest,
    ListAsyncInvocationsRequest,
    ListFunctionStatisticsRequest,
    ListFunctionTriggersRequest,
    ShowFunctionConfigRequest,
    TriggerEventDataRequestBody,
    UpdateFunctionAsyncInvokeConfigRequest,
    UpdateFunctionAsyncInvokeConfigRequestBody,
)

BOOTSTRAP = b"""#!/usr/bin/env python3
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        answer = json.dumps({"ready": True} if self.path == "/init" else {"order": event.get("order"), "total": 42}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
"""


def package() -> str:
    """A zip with an executable bootstrap, in Base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        archive.writestr(info, BOOTSTRAP)
    return base64.b64encode(buffer.getvalue()).decode()


def create(client: FunctionGraphClient) -> str:
    body = CreateFunctionRequestBody(
        func_name=f"orders-{os.getpid()}",
        package="default",
        runtime="Custom Image",
        handler="-",
        timeout=30,
        memory_size=128,
        code_type="zip",
        code_filename="orders.zip",
        initializer_handler="index.initializer",
        initializer_timeout=10,
        func_code=FuncCode(file=package()),
    )
    made = client.create_function(CreateFunctionRequest(body=body))
    print("created", made.func_name, made.version)
    urn: str = made.func_urn.removesuffix(":latest")
    return urn


def publish(client: FunctionGraphClient, urn: str) -> str:
    """The URN of an alias of the first version."""
    version = client.create_function_version(
        CreateFunctionVersionRequest(function_urn=urn, body=CreateFunctionVersionRequestBody(version="v1", description="first"))
    )
    alias = client.create_version_alias(
        CreateVersionAliasRequest(function_urn=urn, body=CreateVersionAliasRequestBody(name="live", version=version.version))
    )
    print("published", version.version, "as", alias.name)
    alias_urn: str = alias.alias_urn
    return alias_urn


def add_triggers(client: FunctionGraphClient, urn: str) -> None:
    wanted = {
        "TIMER": TriggerEventDataRequestBody(name="hourly", schedule_type="Cron", schedule="0 0 * * * *", user_event="count"),
        "APIG": TriggerEventDataRequestBody(
            name="door",
            type=1,
            path=f"/orders-{os.getpid()}",
            protocol="HTTP",
            req_method="ANY",
            group_id="group",
            match_mode="SWA",
            env_name="RELEASE",
            env_id="DEFAULT_ENVIRONMENT_RELEASE_ID",
            auth="NONE",
            func_info=ApigTriggerFuncInfo(timeout=5000),
        ),
        "OPENSOURCEKAFKA": TriggerEventDataRequestBody(kafka_connect_address="127.0.0.1:9092", topic_ids=["orders"], batch_size=100),
    }
    for kind, data in wanted.items():
        body = CreateFunctionTriggerRequestBody(trigger_type_code=kind, event_data=data)
        made = client.create_function_trigger(CreateFunctionTriggerRequest(function_urn=urn, body=body))
        print("trigger", made.trigger_type_code, made.trigger_status)
    print("triggers", len(client.list_function_triggers(ListFunctionTriggersRequest(function_urn=urn)).body))


def configure(client: FunctionGraphClient, urn: str) -> None:
    body = UpdateFunctionAsyncInvokeConfigRequestBody(max_async_event_age_in_seconds=600, max_async_retry_attempts=2)
    config = client.update_function_async_invoke_config(UpdateFunctionAsyncInvokeConfigRequest(function_urn=urn, body=body))
    print("asynchronous", config.max_async_event_age_in_seconds, config.max_async_retry_attempts)


def invoke(client: FunctionGraphClient, urn: str) -> None:
    request = InvokeFunctionRequest(function_urn=urn, body={"order": 7}, x_cff_request_version="v1")
    answer = client.invoke_function(request)
    print("answered", answer.status, json.loads(answer.result))
    accepted = client.async_invoke_function(AsyncInvokeFunctionRequest(function_urn=urn, body={"order": 8}))
    record = ended(client, urn, accepted.request_id)
    print("asynchronously", record.status, record.error_code)


def ended(client: FunctionGraphClient, urn: str, request_id: str) -> Any:
    """The record of an asynchronous invocation, once it has ended."""
    for _ in range(200):
        found = client.list_async_invocations(ListAsyncInvocationsRequest(function_urn=urn, request_id=request_id)).invocations
        if found and found[0].status in ("SUCCESS", "FAIL", "DISCARD"):
            return found[0]
        time.sleep(0.1)
    raise TimeoutError(request_id)


def show_metrics(client: FunctionGraphClient, urn: str) -> None:
    series = client.list_function_statistics(ListFunctionStatisticsRequest(func_urn=urn, period="60"))
    counted = sum(point.value for point in series.count or [] if point.value > 0)
    print("metrics", "invocations" if counted >= 1 else "none yet")


def delete(client: FunctionGraphClient, urn: str) -> None:
    client.batch_delete_function_triggers(BatchDeleteFunctionTriggersRequest(function_urn=urn))
    client.delete_version_alias(DeleteVersionAliasRequest(function_urn=urn, alias_name="live"))
    client.delete_function_async_invoke_config(DeleteFunctionAsyncInvokeConfigRequest(function_urn=f"{urn}:v1"))
    client.delete_function(DeleteFunctionRequest(function_urn=urn))
    try:
        client.show_function_config(ShowFunctionConfigRequest(function_urn=urn))
    except ClientRequestException as refusal:
        print("deleted", refusal.status_code, refusal.error_code)


def main() -> None:
    keys = BasicCredentials(os.environ["FG_AK"], os.environ["FG_SK"], os.environ["FG_PROJECT"])
    client = FunctionGraphClient.new_builder().with_credentials(keys).with_endpoint(os.environ["FG_ENDPOINT"]).build()
    urn = create(client)
    try:
        alias = publish(client, urn)
        add_triggers(client, alias)
        configure(client, f"{urn}:v1")
        invoke(client, alias)
        show_metrics(client, alias)
    finally:
        delete(client, urn)


main()
