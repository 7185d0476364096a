"""FunctionGraph's operations that are not served here. Each is answered 501 with FSS.0501, the operation's name and what to do instead,
so that a caller learns more than from a page that is not there."""

import msgspec
from starlette.responses import Response

from sluice_control.asgi import Call, Handler, Operation, error
from sluice_control.fss import CODES

CODE = "FSS.0501"
"""Ours: FunctionGraph's table has no code for it."""


class Missing(msgspec.Struct, frozen=True):
    """A path below `/v2/{project_id}/fgs`, and who takes which method there."""

    path: str
    methods: dict[str, str]
    instead: str


_DEPENDENCIES = "put what a function needs into its package or its image"
_APPLICATIONS = "describe functions and triggers in a sluice.yaml and apply it"
_WORKFLOWS = "let functions call each other, or one be another's destination"
_BRIDGES = "call the other service from the function"
_SNAPSHOTS = "keep reserved instances, which have started before their first call"
_TRACING = "set SLUICE_OTLP_ENDPOINT: every attempt is a span"
_LOGS = "nothing has to be enabled: the logs are kept, and lts-log-detail names them"
_COLLECT = "keep your own list of favourite functions"
_ENDPOINTS = "functions use the network of the machine or of the cluster"

MISSING = (
    Missing("/application/templates", {"GET": "list_app_templates"}, _APPLICATIONS),
    Missing("/application/templates/{id}", {"GET": "show_app_template"}, _APPLICATIONS),
    Missing("/applications", {"GET": "list_function_applications", "POST": "create_function_app"}, _APPLICATIONS),
    Missing("/applications/{id}", {"DELETE": "delete_function_app", "GET": "show_function_app"}, _APPLICATIONS),
    Missing("/dependencies", {"GET": "list_dependencies"}, _DEPENDENCIES),
    Missing("/dependencies/version", {"POST": "create_dependency_version"}, _DEPENDENCIES),
    Missing("/dependencies/{depend_id}/version", {"GET": "list_dependency_version"}, _DEPENDENCIES),
    Missing(
        "/dependencies/{depend_id}/version/{version}",
        {"DELETE": "delete_dependency_version", "GET": "show_dependency_version"},
        _DEPENDENCIES,
    ),
    Missing("/functions/enable-lts-logs", {"POST": "enable_lts_logs"}, _LOGS),
    Missing("/functions/{func_urn}/collect/{state}", {"PUT": "update_function_collect_state"}, _COLLECT),
    Missing("/functions/{function_urn}/servicebridge/relation", {"GET": "list_bridge_functions"}, _BRIDGES),
    Missing(
        "/functions/{function_urn}/snapshots/{action}",
        {"GET": "show_func_snapshot_state", "POST": "update_func_snapshot"},
        _SNAPSHOTS,
    ),
    Missing("/functions/{function_urn}/tracing", {"GET": "show_tracing", "PUT": "update_tracing"}, _TRACING),
    Missing("/servicebridge/version", {"GET": "list_bridge_versions"}, _BRIDGES),
    Missing("/templates", {"GET": "list_function_template"}, _APPLICATIONS),
    Missing("/templates/{template_id}", {"GET": "show_function_template"}, _APPLICATIONS),
    Missing("/vpc-endpoint", {"POST": "create_vpc_endpoint"}, _ENDPOINTS),
    Missing("/vpc-endpoint/{vpc_id}/{subnet_id}", {"DELETE": "delete_vpc_endpoint"}, _ENDPOINTS),
    Missing("/workflow-statistic", {"GET": "show_tenant_metric"}, _WORKFLOWS),
    Missing("/workflow-statistic/{workflow_urn}", {"GET": "show_work_flow_metric"}, _WORKFLOWS),
    Missing("/workflows", {"DELETE": "batch_delete_workflows", "GET": "list_workflow", "POST": "create_workflow"}, _WORKFLOWS),
    Missing("/workflows/{workflow_id}", {"GET": "show_work_flow", "PUT": "update_work_flow"}, _WORKFLOWS),
    Missing("/workflows/{workflow_id}/callback", {"POST": "create_callback_workflow"}, _WORKFLOWS),
    Missing(
        "/workflows/{workflow_id}/executions",
        {"GET": "list_workflow_executions", "POST": "start_workflow_execution"},
        _WORKFLOWS,
    ),
    Missing("/workflows/{workflow_id}/executions-history", {"GET": "show_workflow_execution_for_page"}, _WORKFLOWS),
    Missing("/workflows/{workflow_id}/executions/{execution_id}", {"GET": "show_workflow_execution"}, _WORKFLOWS),
    Missing("/workflows/{workflow_id}/executions/{execution_id}/retry", {"POST": "retry_work_flow"}, _WORKFLOWS),
    Missing("/workflows/{workflow_id}/executions/{execution_id}/terminate", {"POST": "stop_work_flow"}, _WORKFLOWS),
    Missing("/workflows/{workflow_id}/sync-executions", {"POST": "start_sync_workflow_execution"}, _WORKFLOWS),
)


def operations() -> list[Operation]:
    """They need what a reader may: whoever may ask at all is told the same."""
    return [
        Operation(name, method, "/v2/{project_id}/fgs" + missing.path, "read", _answer(name, missing.instead))
        for missing in MISSING
        for method, name in missing.methods.items()
    ]


def _answer(name: str, instead: str) -> Handler:
    async def answer(_call: Call) -> Response:
        return error(CODE, f"{CODES[CODE][1]} {name}: {instead}.")

    return answer
