"""From sluice.yaml to the bodies of FunctionGraph's API; pure."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from sluice.runtimes import CONTAINER, HTTP, NO_HANDLER
from sluice_cli.destinations import as_end
from sluice_cli.schema import Async, Function


def configuration(name: str, function: Function) -> dict[str, Any]:
    """What creating and updating share."""
    body: dict[str, Any] = {
        "func_name": name,
        "runtime": runtime(function),
        "handler": function.handler or NO_HANDLER,
        "timeout": function.timeout,
        "memory_size": function.memory,
        "description": function.description,
        "user_data": variables(function.environment),
        "strategy_config": {"concurrency": function.max_instances, "concurrent_num": function.concurrency},
        "enable_dynamic_memory": function.dynamic_memory,
        "initializer_handler": function.initializer or (NO_HANDLER if function.initialize else ""),
        "initializer_timeout": function.init_timeout if function.initialize or function.initializer else 0,
        "pre_stop_handler": function.pre_stop,
        "pre_stop_timeout": function.pre_stop_timeout if function.pre_stop else 0,
    }
    if function.secrets:
        body["encrypted_user_data"] = variables(function.secrets)
    if function.image:
        body["custom_image"] = custom_image(function)
    return body


def custom_image(function: Function) -> dict[str, Any]:
    return {
        "enabled": True,
        "image": function.image,
        "command": ",".join(function.command),
        "args": ",".join(function.args),
        "working_dir": function.working_dir,
        "uid": _number(function.uid),
        "gid": _number(function.gid),
    }


def _number(user: int) -> str:
    return str(user) if user >= 0 else ""


def runtime(function: Function) -> str:
    return function.runtime or (HTTP if function.http else CONTAINER)


def creation(name: str, function: Function, package: bytes) -> dict[str, Any]:
    return configuration(name, function) | {"package": function.package, **code(function, package)}


def code(function: Function, package: bytes) -> dict[str, Any]:
    """Which way the code comes in, and the code."""
    if function.image:
        return {"code_type": "Custom-Image-Swr"}
    return {"code_type": "zip", "code_filename": "code.zip", "func_code": {"file": base64.b64encode(package).decode()}}


def variables(given: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(given.items())), ensure_ascii=False) if given else ""


def changed(name: str, function: Function, present: Mapping[str, Any]) -> list[str]:
    """The fields of the configuration that are not as the file says. Secrets are never shown, so they always count as changed."""
    wanted = configuration(name, function)
    fields = [field for field, value in wanted.items() if not _same(field, value, present.get(field))]
    # What the file no longer has is taken away.
    return fields + [field for field in ("encrypted_user_data",) if present.get(field) and field not in wanted]


def _same(field: str, wanted: Any, present: Any) -> bool:
    if field == "user_data":
        return bool(json.loads(wanted or "{}") == json.loads(present or "{}"))
    if field == "encrypted_user_data":
        return False
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(present.get(name) == value for name, value in wanted.items())
    return bool((wanted or None) == (present or None))


def async_config(config: Async, urn_of: Mapping[str, str]) -> dict[str, Any]:
    """`urn_of` has the URNs of the file's own functions."""
    ends = (("on_success", config.on_success), ("on_failure", config.on_failure))
    return {
        "max_async_event_age_in_seconds": config.max_age,
        "max_async_retry_attempts": config.retries,
        "destination_config": {end: as_end(to, urn_of) for end, to in ends if to},
    }


def async_changed(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    shown = {end: to for end, to in (present.get("destination_config") or {}).items() if to}
    same_numbers = all(wanted[name] == present.get(name) for name in ("max_async_event_age_in_seconds", "max_async_retry_attempts"))
    return not same_numbers or wanted["destination_config"] != shown
