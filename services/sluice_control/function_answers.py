"""A function as the API shows it: FunctionGraph's configuration object; pure."""

from typing import Any

import msgspec

from sluice_control.answers.function import Answer, Code, CodeLink, Image, Listed, Strategy, VersionAsyncConfig, of
from sluice_control.async_answers import async_config
from sluice_control.bodies import CustomImage, FunctionSettings, StrategyConfig
from sluice_control.nouns import image_of
from sluice_control.registry import AsyncRow, VersionRow
from sluice_control.times import rfc3339

_LONG_TIMEOUT_S = 900
_ANY = StrategyConfig()
_HIDDEN = frozenset({"user_data", "encrypted_user_data", "strategy_config", "custom_image", "tags", "log_config"})


def configuration(kind: type[Answer], row: VersionRow, region: str) -> Answer:
    """What an operation that answers with `kind` tells of a version."""
    return of(kind, _everything(row, region))


def version(kind: type[Answer], row: VersionRow, known: AsyncRow | None, region: str) -> Answer:
    """The same with the asynchronous settings of that version."""
    config = of(VersionAsyncConfig, async_config(known, region)) if known else None
    return of(kind, _everything(row, region) | {"function_async_config": config})


def _everything(row: VersionRow, region: str) -> dict[str, Any]:
    """Every field that some operation answers with; null where it says nothing here."""
    return _attributes(row.settings) | _function(row, region) | _placed(row) | _rest(row)


def _function(row: VersionRow, region: str) -> dict[str, Any]:
    """The fields of `answers.function.Function`."""
    settings, function = row.settings, row.function
    return {
        "func_urn": str(function.urn(region, row.name)),
        "func_name": function.name,
        "domain_id": function.project,
        "namespace": function.project,
        "project_name": region,
        "package": function.package,
        "runtime": settings.runtime,
        "timeout": settings.timeout,
        "handler": settings.handler,
        "memory_size": settings.memory_size,
        "cpu": max(300, (settings.memory_size or 0) * 100 // 128),
        "code_type": settings.code_type,
        "code_url": settings.code_url or "",
        "code_filename": settings.code_filename or "",
        "code_size": row.code_size,
        "digest": row.digest,
        "version": row.name,
        "image_name": row.image_name,
        "last_modified": rfc3339(row.modified_ms),
        "long_time": (settings.timeout or 0) > _LONG_TIMEOUT_S,
        "user_data": settings.user_data or "",
        # What is stored here is masked already: the values are sealed beside it.
        "encrypted_user_data": settings.encrypted_user_data or "",
        "strategy_config": _strategy(settings),
        "type": settings.type or "v2",
        "xrole": settings.xrole,
        "app_xrole": settings.app_xrole,
        "initializer_handler": settings.initializer_handler,
        "initializer_timeout": settings.initializer_timeout,
        "pre_stop_handler": settings.pre_stop_handler,
        "pre_stop_timeout": settings.pre_stop_timeout,
        "enterprise_project_id": settings.enterprise_project_id,
    }


def _placed(row: VersionRow) -> dict[str, Any]:
    """What else lists of functions tell."""
    settings, function = row.settings, row.function
    logs = settings.log_config or {}
    return {
        "description": settings.description or "",
        "resource_id": f"{function.id}:{row.name}",
        "extend_config": settings.extend_config,
        "gpu_memory": settings.gpu_memory,
        "func_vpc_id": (settings.func_vpc or {}).get("vpc_id"),
        "is_bridge_function": False,
        "bind_bridge_funcUrns": [],
        "fail_count": None,
        "log_group_id": logs.get("group_id"),
        "log_stream_id": logs.get("stream_id"),
    }


def summary(row: VersionRow, region: str) -> Listed:
    """An element of the list of functions."""
    return Listed(**_function(row, region), **_placed(row))


def code(row: VersionRow, region: str, base_url: str) -> Code:
    """The answer of showing or updating code; the package itself is behind `func_code.link`."""
    link = f"{base_url}/sluice/v1/{row.function.project}/code/{row.digest}" if row.digest else ""
    return of(Code, _everything(row, region) | {"func_code": CodeLink(file="", link=link)})


def masked(text: str | None) -> str | None:
    """encrypted_user_data without its values."""
    return msgspec.json.encode(dict.fromkeys(msgspec.json.decode(text), "")).decode() if text else text


def _attributes(settings: FunctionSettings) -> dict[str, Any]:
    shown = {name: getattr(settings, name) for name in FunctionSettings.__struct_fields__ if name not in _HIDDEN}
    return shown | {
        "custom_image": of(Image, _fields(settings.custom_image or CustomImage())) if image_of(settings) else None,
        "depend_version_list": settings.depend_version_list or [],
        "enable_dynamic_memory": bool(settings.enable_dynamic_memory),
        "is_stateful_function": bool(settings.is_stateful_function),
        "enable_auth_in_header": bool(settings.enable_auth_in_header),
        "enable_class_isolation": bool(settings.enable_class_isolation),
        "enable_lts_log": bool(settings.enable_lts_log),
        "is_return_stream": bool(settings.is_return_stream),
        "ephemeral_storage": settings.ephemeral_storage or 512,
    }


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _strategy(settings: FunctionSettings) -> Strategy:
    strategy = settings.strategy_config or _ANY
    return Strategy(concurrency=strategy.concurrency, concurrent_num=strategy.concurrent_num)


def _rest(row: VersionRow) -> dict[str, Any]:
    strategy = row.settings.strategy_config or _ANY
    return {
        "func_id": f"{row.function.id}",
        "version_description": row.description,
        "concurrency": strategy.concurrency,
        "concurrent_num": strategy.concurrent_num,
        "depend_list": [],
        "dependencies": [],
        "enable_cloud_debug": "DISABLED",
        "reserved_instance_idle_mode": None,
        "apig_route_enable": False,
        "allow_ephemeral_storage": True,
    }
