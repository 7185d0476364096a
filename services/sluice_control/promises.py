"""What each operation answers: the status and type of its success, and the codes it refuses with beyond those of every operation.

Kept by the operation's name, so that what a handler does and what the document says of it can be compared, by a test and by generated
requests.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sluice_control.answers import alias, function, invocation, mesh, resource, statistics, transfer, trigger
from sluice_control.login import LoggedIn

EVERYWHERE = ("FSS.0400", "FSS.0401", "FSS.0403", "FSS.0404", "FSS.0413", "FSS.0500", "FSS.0503")
"""What any operation may answer."""
_BY_URN = ("FSS.1051", "FSS.1052", "FSS.1053", "FSS.1309")
_ALIAS = (*_BY_URN, "FSS.1014", "FSS.1015", "FSS.1091", "FSS.1019", "FSS.1092", "FSS.1093")
_TRIGGER = (*_BY_URN, "FSS.1101", "FSS.1106", "FSS.1107", "FSS.1108", "FSS.1109", "FSS.1112", "FSS.1113", "FSS.1417")
_RANGES = (
    "FSS.1002", "FSS.1003", "FSS.1004", "FSS.1005", "FSS.1006", "FSS.1007", "FSS.1008", "FSS.1009", "FSS.1011", "FSS.1012",
    "FSS.1017", "FSS.1018", "FSS.1019", "FSS.1026", "FSS.1034", "FSS.1071", "FSS.1075", "FSS.1404", "FSS.1405",
)  # fmt: skip
_CALLS = (*_BY_URN, "FSS.0406", "FSS.0429", "FSS.0502", "FSS.0504", "FSS.1201")
_IMPORT = ("FSS.1013", "FSS.1022", "FSS.1023", "FSS.1025", "FSS.1057")
_QUERY = ("FSS.1001",)


class Promise(msgspec.Struct, frozen=True):
    """`answer` None: a success has no body, `bytes`: it is not JSON, but `media`."""

    answer: Any = None
    status: int = 200
    errors: tuple[str, ...] = ()
    media: str = "application/json"
    headers: tuple[str, ...] = ("X-Request-Id",)


def _gone(*errors: str) -> Promise:
    return Promise(status=204, errors=errors)


PROMISES: Mapping[str, Promise] = {
    "list_functions": Promise(function.Functions, errors=_QUERY),
    "create_function": Promise(function.Created, errors=(*_RANGES, "FSS.1041", "FSS.1061")),
    "delete_function": _gone(*_BY_URN, "FSS.1015", "FSS.1094"),
    "show_function_code": Promise(function.Code, errors=_BY_URN),
    "update_function_code": Promise(function.Code, errors=(*_BY_URN, *_RANGES, "FSS.1015")),
    "show_function_config": Promise(function.Shown, errors=_BY_URN),
    "update_function_config": Promise(function.Updated, errors=(*_BY_URN, *_RANGES, "FSS.1015")),
    "update_function_max_instance_config": Promise(function.Limited, errors=(*_BY_URN, "FSS.1015", "FSS.1026")),
    "list_function_versions": Promise(function.Versions, errors=(*_BY_URN, *_QUERY)),
    "create_function_version": Promise(function.Published, errors=(*_BY_URN, "FSS.1015", "FSS.1016", "FSS.1019", "FSS.1062")),
    "list_quotas": Promise(resource.Quotas),
    "list_version_aliases": Promise(list[alias.ShortAlias], errors=_BY_URN),
    "create_version_alias": Promise(alias.Alias, errors=(*_ALIAS, "FSS.1043", "FSS.1063", "FSS.1066")),
    "show_version_alias": Promise(alias.Alias, errors=_BY_URN),
    "update_version_alias": Promise(alias.ShortAlias, errors=(*_ALIAS, "FSS.1066")),
    "delete_version_alias": _gone(*_BY_URN, "FSS.1154"),
    "list_trigger_types": Promise(list[trigger.TriggerType]),
    "list_function_triggers": Promise(list[trigger.Trigger], errors=_BY_URN),
    "create_function_trigger": Promise(
        trigger.Trigger, 201, (*_TRIGGER, "FSS.1123", "FSS.1147", "FSS.1148", "FSS.1306", "FSS.1307", "FSS.1318")
    ),
    "batch_delete_function_triggers": _gone(*_BY_URN),
    "show_function_trigger": Promise(trigger.Trigger, errors=(*_BY_URN, "FSS.1131")),
    "update_trigger": Promise(trigger.Trigger, errors=(*_TRIGGER, "FSS.1131", "FSS.1147", "FSS.1148", "FSS.1318")),
    "delete_function_trigger": _gone(*_BY_URN, "FSS.1131"),
    "show_function_async_invoke_config": Promise(invocation.AsyncSettings, errors=_BY_URN),
    "update_function_async_invoke_config": Promise(invocation.AsyncSettings, errors=_BY_URN),
    "delete_function_async_invoke_config": _gone(*_BY_URN),
    "list_function_async_invoke_config": Promise(invocation.AsyncSettingsPage, errors=(*_BY_URN, *_QUERY)),
    "list_async_invocations": Promise(invocation.Invocations, errors=(*_BY_URN, *_QUERY)),
    "list_active_async_invocations": Promise(invocation.Invocations, errors=(*_BY_URN, *_QUERY)),
    "cancel_async_invocation": Promise(errors=_BY_URN),
    "list_function_statistics": Promise(statistics.Series, errors=(*_BY_URN, *_QUERY)),
    "show_function_metrics": Promise(statistics.AllSeries, errors=(*_BY_URN, *_QUERY)),
    "show_func_reserved_instance_metrics": Promise(statistics.InstanceSeries, errors=(*_BY_URN, *_QUERY)),
    "list_statistics": Promise(statistics.Statistics, errors=_QUERY),
    "list_function_as_metric": Promise(statistics.Report, errors=_QUERY),
    "invoke_function": Promise(Any, errors=_CALLS, headers=("X-Cff-Request-Id",)),
    "async_invoke_function": Promise(invocation.Accepted, 202, _CALLS, headers=()),
    "list_events": Promise(resource.EventPage, errors=_BY_URN),
    "create_event": Promise(resource.NamedEvent, errors=(*_BY_URN, "FSS.1068", "FSS.1069", "FSS.1073", "FSS.1074")),
    "show_event": Promise(resource.ShownEvent, errors=(*_BY_URN, "FSS.1070")),
    "update_event": Promise(resource.NamedEvent, errors=(*_BY_URN, "FSS.1069", "FSS.1070", "FSS.1074")),
    "delete_event": _gone(*_BY_URN, "FSS.1070"),
    "update_function_reserved_instances_count": Promise(resource.Reserved, errors=(*_BY_URN, "FSS.0409")),
    "list_function_reserved_instances": Promise(resource.ReservedNowPage, errors=(*_BY_URN, *_QUERY)),
    "list_reserved_instance_configs": Promise(resource.ReservedConfigPage, errors=(*_BY_URN, *_QUERY)),
    "export_function": Promise(bytes, errors=(*_BY_URN, *_QUERY, "FSS.1012", "FSS.1071"), media="application/octet-stream"),
    "import_function": Promise(transfer.Imported, errors=(*_RANGES, *_IMPORT, "FSS.1041", "FSS.1061")),
    "show_project_async_status_log_info": Promise(resource.LogStream),
    "enable_async_status_log": Promise(),
    "show_lts_log_details": Promise(resource.LogStream, errors=_BY_URN),
    "show_res_instance_info": Promise(resource.TaggedResources, errors=_QUERY),
    "show_project_tags_list": Promise(resource.ProjectTags),
    "list_function_tags": Promise(resource.Tags, errors=_BY_URN),
    "create_tags": _gone(*_BY_URN),
    "delete_tags": _gone(*_BY_URN),
    "list_triggers": Promise(mesh.TriggerStates, errors=(*_BY_URN, *_QUERY)),
    "explain_event": Promise(mesh.Story),
    "list_traces": Promise(mesh.Traces, errors=_QUERY),
    "list_dead_events": Promise(mesh.DeadEvents, errors=(*_BY_URN, *_QUERY)),
    "redrive_dead_events": Promise(mesh.Redriven, errors=_BY_URN),
    "purge_dead_events": Promise(mesh.Counted, errors=_BY_URN),
    "read_logs": Promise(bytes, errors=(*_BY_URN, *_QUERY), media="application/x-ndjson"),
    "tail_events": Promise(bytes, media="application/x-ndjson"),
    "list_instances": Promise(mesh.Instances),
    "download_code": Promise(bytes, media="application/zip"),
    "check_mesh": Promise(mesh.Checks),
    "dry_run_trigger": Promise(mesh.DryRunResult, errors=("FSS.1053", "FSS.1131")),
    "list_keys": Promise(mesh.Keys),
    "create_key": Promise(mesh.NewKey, 201),
    "revoke_key": _gone(),
    "list_projects": Promise(mesh.Projects),
    "create_project": Promise(mesh.NewProject, 201, ("FSS.0409",)),
    "create_token": Promise(LoggedIn, 201, ("FSS.0429",), headers=("X-Request-Id", "X-Subject-Token")),
    "keystone_list_projects": Promise(mesh.IdentityProjects),
}


def promised(operation: str) -> Promise:
    """Anything, for an operation that is not in the table."""
    return PROMISES.get(operation, Promise(Any))
