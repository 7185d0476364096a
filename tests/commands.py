"""The command line as a list: what can be typed, and which command reaches which operation of the API."""

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from sluice_cli.main import app

LOCAL = frozenset({"up", "serve", "check", "schema", "version"})
"""They ask nothing of the API."""
REACHES: Mapping[str, tuple[str, ...]] = {
    "alias set": ("create_version_alias", "update_version_alias"),
    "apply": (
        "create_function",
        "update_function_config",
        "list_function_triggers",
        "create_function_trigger",
    ),
    "async delete": ("delete_function_async_invoke_config",),
    "async list": ("list_function_async_invoke_config",),
    "async log": ("enable_async_status_log", "show_project_async_status_log_info"),
    "async set": ("update_function_async_invoke_config",),
    "async show": ("show_function_async_invoke_config",),
    "audit": ("list_traces",),
    "cancel": ("cancel_async_invocation",),
    "dead list": ("list_dead_events",),
    "dead purge": ("purge_dead_events",),
    "dead redrive": ("redrive_dead_events",),
    "dead show": ("list_dead_events",),
    "delete": ("delete_function", "delete_function_trigger", "delete_version_alias", "batch_delete_function_triggers"),
    "describe": ("show_function_config", "show_function_trigger", "show_version_alias"),
    "doctor": ("check_mesh",),
    "events create": ("create_event",),
    "events delete": ("delete_event",),
    "events list": ("list_events",),
    "events show": ("show_event",),
    "events update": ("update_event",),
    "explain": ("explain_event",),
    "export": ("export_function",),
    "function disable": ("update_function_max_instance_config",),
    "function download": ("show_function_code", "download_code"),
    "function enable": ("update_function_max_instance_config",),
    "function limit": ("update_function_max_instance_config",),
    "function publish": ("create_function_version",),
    "function upload": ("update_function_code",),
    "get": (
        "list_functions",
        "list_triggers",
        "list_function_versions",
        "list_version_aliases",
        "list_instances",
        "list_quotas",
        "list_trigger_types",
    ),
    "import": ("import_function",),
    "invocations": ("list_async_invocations", "list_active_async_invocations"),
    "invoke": ("invoke_function", "async_invoke_function"),
    "keys create": ("create_key",),
    "keys list": ("list_keys",),
    "keys revoke": ("revoke_key",),
    "logs": ("read_logs", "show_lts_log_details"),
    "projects create": ("create_project",),
    "projects list": ("list_projects",),
    "projects show": ("keystone_list_projects",),
    "reserve list": ("list_reserved_instance_configs", "list_function_reserved_instances"),
    "reserve set": ("update_function_reserved_instances_count",),
    "stats": (
        "list_function_as_metric",
        "list_statistics",
        "show_func_reserved_instance_metrics",
        "show_function_metrics",
    ),
    "tags find": ("show_res_instance_info",),
    "tags list": ("list_function_tags", "show_project_tags_list"),
    "tags remove": ("delete_tags",),
    "tags set": ("create_tags",),
    "tail": ("tail_events",),
    "token": ("create_token",),
    "trigger dry-run": ("dry_run_trigger",),
    "trigger pause": ("update_trigger",),
    "trigger resume": ("update_trigger",),
}
"""By command: the operations that it asks, with one option or another."""
WITHIN: Mapping[str, str] = {"list_function_statistics": "show_function_metrics"}
"""An operation whose answer is a part of another's, which a command asks in its place."""


def commands() -> list[str]:
    """Every command as it is typed, without `sluice`."""
    return sorted(" ".join(words) for words in _below(typer.main.get_command(app), ()))


def _below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not hasattr(command, "commands"):
        yield words
        return
    for name, inner in command.commands.items():
        yield from _below(inner, (*words, name))


def options(command: str) -> list[str]:
    """The long options of a command, but those of every command."""
    found: Any = typer.main.get_command(app)
    for word in command.split():
        found = found.commands[word]
    names = [name for parameter in found.params for name in parameter.opts if name.startswith("--")]
    return [name for name in names if name not in ("--help", "--data", "--output", "--yes")]
