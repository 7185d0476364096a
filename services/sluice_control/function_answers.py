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
    settings, function = row.settings, row.function
    return (
        _attributes(settings)
        | {
            "func_id": f"{function.id}",
            "resource_id": f"{function.id}:{row.name}",
            "func_urn": str(function.urn(region, row.name)),
            "func_name": function.name,
            "domain_id": function.project,
            "namespace": function.project,
            "project_name": region,
            "package": function.package,
            "version": row.name,
            "version_description": row.description,
            "image_name": row.image_name,
            "last_modified": rfc3339(row.modified_ms),
            "cpu": max(300, (settings.memory_size or 0) * 100 // 128),
            "long_time": (settings.timeout or 0) > _LONG_TIMEOUT_S,
        }
        | _code_part(row)
        | _strategy(settings)
        | _fixed(settings)
    )


def summary(row: VersionRow, region: str) -> Listed:
    """An element of the list of functions."""
    return configuration(Listed, row, region)


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
        "user_data": settings.user_data or "",
        # What is stored here is masked already: the values are sealed beside it.
        "encrypted_user_data": settings.encrypted_user_data or "",
        "custom_image": of(Image, _fields(settings.custom_image or CustomImage())) if image_of(settings) else None,
        "description": settings.description or "",
        "depend_version_list": settings.depend_version_list or [],
        "enable_dynamic_memory": bool(settings.enable_dynamic_memory),
        "is_stateful_function": bool(settings.is_stateful_function),
        "enable_auth_in_header": bool(settings.enable_auth_in_header),
        "enable_class_isolation": bool(settings.enable_class_isolation),
        "enable_lts_log": bool(settings.enable_lts_log),
        "is_return_stream": bool(settings.is_return_stream),
        "ephemeral_storage": settings.ephemeral_storage or 512,
        "type": settings.type or "v2",
    }


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _strategy(settings: FunctionSettings) -> dict[str, Any]:
    strategy = settings.strategy_config or StrategyConfig()
    shown = of(Strategy, _fields(strategy))
    return {"strategy_config": shown, "concurrency": strategy.concurrency, "concurrent_num": strategy.concurrent_num}


def _code_part(row: VersionRow) -> dict[str, Any]:
    settings = row.settings
    return {
        "code_type": settings.code_type,
        "code_url": settings.code_url or "",
        "code_filename": settings.code_filename or "",
        "code_size": row.code_size,
        "digest": row.digest,
    }


def _fixed(settings: FunctionSettings) -> dict[str, Any]:
    logs = settings.log_config or {}
    return {
        "depend_list": [],
        "dependencies": [],
        "log_group_id": logs.get("group_id"),
        "log_stream_id": logs.get("stream_id"),
        "enable_cloud_debug": "DISABLED",
        "is_bridge_function": False,
        "reserved_instance_idle_mode": None,
        "apig_route_enable": False,
        "allow_ephemeral_storage": True,
        "func_vpc_id": (settings.func_vpc or {}).get("vpc_id"),
        "fail_count": None,
        "bind_bridge_funcUrns": [],
    }
