"""What a function's configuration must be, by the names and codes of FunctionGraph's API; pure. The ranges are those of
`sluice.function_rules`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from sluice import function_rules as rules
from sluice.decoding import faults_of, under
from sluice.errors import Fault, Invalid
from sluice.runtimes import CUSTOM, HANDLED, NAMES, NO_HANDLER, handler_faults
from sluice_control.bodies import CustomImage, FunctionSettings, MountConfig

ZIP = "zip"
INLINE = "inline"
IMAGE = "Custom-Image-Swr"
MAX_SETTINGS_BYTES = 64 * 1024
"""Of everything but the code: it stands in lists of 400 and goes to every service."""
_CODES = {
    "func_name": "FSS.1002",
    "handler": "FSS.1003",
    "package": "FSS.1004",
    "runtime": "FSS.1005",
    "code_type": "FSS.1006",
    "memory_size": "FSS.1007",
    "timeout": "FSS.1008",
    "user_data": "FSS.1009",
    "encrypted_user_data": "FSS.1009",
    "func_code": "FSS.1011",
    "description": "FSS.1019",
    "strategy_config": "FSS.1026",
    "max_instance_num": "FSS.1026",
    "custom_image": "FSS.1034",
    "initializer_handler": "FSS.1404",
    "initializer_timeout": "FSS.1405",
}

Coded = tuple[str, Fault]


def code_of(field: str) -> str:
    """The FSS code of a fault in a field of a function's body."""
    return _CODES.get(field, "FSS.0400")


def refuse(faults: list[Coded]) -> None:
    """Raises Invalid with all faults; its code is that of the first."""
    if faults:
        raise Invalid([fault for _, fault in faults], faults[0][0])


def name_faults(name: str, package: str) -> Iterator[Coded]:
    yield from _coded(rules.name_faults("func_name", name))
    yield from _coded(rules.name_faults("package", package))


def settings_faults(settings: FunctionSettings) -> Iterator[Coded]:
    """Of a configuration that is whole: mandatory fields are there."""
    yield from _core_faults(settings)
    yield from _initializer_faults(settings)
    yield from _strategy_faults(settings)
    yield from _data_faults("user_data", settings.user_data)
    yield from _data_faults("encrypted_user_data", settings.encrypted_user_data)
    yield from _custom_image_faults(settings.custom_image)
    yield from _hook_faults(settings)
    yield from _attribute_faults(settings)
    yield from mount_faults(settings.mount_config)
    yield from _size_faults(settings)


def concurrency_faults(field: str, concurrency: int) -> Iterator[Coded]:
    yield from _coded(rules.INSTANCES.faults(field, concurrency))


def with_rule_faults(refused: Invalid, body: Mapping[str, Any]) -> Invalid:
    """A body whose shape is wrong somewhere is told the rules that the rest of it breaks, in the same message."""
    wrong = {_top(fault) for fault in refused.faults}
    names = {name: body.get(name) for name in ("func_name", "package")}
    broken = list(name_faults(*(value if isinstance(value, str) else "default" for value in names.values())))
    rest = {name: value for name, value in body.items() if name in FunctionSettings.__struct_fields__ and name not in wrong}
    broken += settings_faults(msgspec.convert(rest, FunctionSettings))
    return Invalid([*refused.faults, *(fault for _, fault in broken if _top(fault) not in wrong)], refused.code)


def _top(fault: Fault) -> str:
    return fault.field.partition(".")[0]


def _core_faults(settings: FunctionSettings) -> Iterator[Coded]:
    if settings.runtime not in NAMES:
        yield _fault("runtime", f"is {settings.runtime!r}, and is one of {', '.join(NAMES)} here")
    yield from _coded(rules.TIMEOUT.faults("timeout", settings.timeout))
    if not _is_handler(settings.handler or ""):
        yield _fault("handler", "is - for a container contract, or has 3-128 characters and a '.'")
    else:
        yield from _coded(handler_faults("handler", settings.runtime or "", settings.handler or ""))
    if settings.runtime in (CUSTOM, *HANDLED) and settings.custom_image and settings.custom_image.image:
        yield _fault("custom_image", f"has no place beside the runtime {settings.runtime}, which runs a code package")
    yield from _coded(rules.memory_faults("memory_size", settings.memory_size))
    yield from _coded(rules.description_faults("description", settings.description or ""))


def _is_handler(handler: str) -> bool:
    return handler == NO_HANDLER or (3 <= len(handler) <= 128 and "." in handler)


def _initializer_faults(settings: FunctionSettings) -> Iterator[Coded]:
    handler, timeout = settings.initializer_handler, settings.initializer_timeout
    if handler and not _is_handler(handler):
        yield _fault("initializer_handler", "is -, or has 3-128 characters and a '.'")
    elif handler:
        yield from _coded(handler_faults("initializer_handler", settings.runtime or "", handler))
    if handler and timeout is None:
        yield _fault("initializer_timeout", "is mandatory with initializer_handler")
    if timeout is not None and (handler or timeout):
        yield from _coded(rules.INITIALIZER_TIMEOUT.faults("initializer_timeout", timeout))
    if timeout and not handler:
        yield _fault("initializer_handler", "is mandatory with initializer_timeout")


def _strategy_faults(settings: FunctionSettings) -> Iterator[Coded]:
    strategy = settings.strategy_config
    if strategy is None:
        return
    yield from concurrency_faults("strategy_config.concurrency", strategy.concurrency)
    yield from _coded(rules.CONCURRENCY.faults("strategy_config.concurrent_num", strategy.concurrent_num))
    if settings.type == "v1" and strategy.concurrency > 0:
        yield _fault("strategy_config.concurrency", f"is {strategy.concurrency}, and is -1 or 0 for a function of type v1")
    if settings.type == "v1" and strategy.concurrent_num > 1:
        yield _fault("strategy_config.concurrent_num", "is 1 for a function of type v1")


def _data_faults(field: str, text: str | None) -> Iterator[Coded]:
    if not text:
        return
    try:
        data = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError):
        yield _fault(field, "is the text of a JSON object from names to strings")
        return
    yield from _coded(rules.variable_count_faults(field, data), "FSS.1017")
    yield from _coded(rules.variable_size_faults(field, text), "FSS.1018")
    yield from _coded(rules.variable_name_faults(field, data))


def _custom_image_faults(image: CustomImage | None) -> Iterator[Coded]:
    if image is None:
        return
    if image.enabled and not image.image:
        yield _fault("custom_image.image", "is mandatory when custom_image is enabled")
    if image.working_dir and not image.working_dir.startswith("/"):
        yield _fault("custom_image.working_dir", "starts with /")
    if len(image.command) + len(image.args) + len(image.working_dir) > 5120:
        yield _fault("custom_image", "command, args and working_dir have more than 5120 characters together")
    for field, text in (("uid", image.uid), ("gid", image.gid)):
        if text and not (re.fullmatch(r"-1|[0-9]{1,5}", text) and rules.is_user(int(text))):
            yield ("FSS.1075", Fault(f"custom_image.{field}", f"is {text[:20]!r}, and {rules.USER_RULE}"))


def _hook_faults(settings: FunctionSettings) -> Iterator[Coded]:
    hooks = (
        ("pre_stop", settings.pre_stop_handler, settings.pre_stop_timeout, rules.PRE_STOP_TIMEOUT),
        ("restore_hook", settings.restore_hook_handler, settings.restore_hook_timeout, rules.RESTORE_TIMEOUT),
    )
    for name, handler, timeout, bounds in hooks:
        if handler and not _is_handler(handler):
            yield _fault(f"{name}_handler", "is -, or has 3-128 characters and a '.'")
        elif handler:
            yield from _coded(handler_faults(f"{name}_handler", settings.runtime or "", handler))
        if timeout is not None and (handler or timeout):
            yield from _coded(bounds.faults(f"{name}_timeout", timeout))
    if settings.heartbeat_handler and not _is_handler(settings.heartbeat_handler):
        yield _fault("heartbeat_handler", "is -, or has 3-128 characters and a '.'")


def _attribute_faults(settings: FunctionSettings) -> Iterator[Coded]:
    if settings.type not in (None, "v1", "v2"):
        yield _fault("type", "is v1 or v2")
    if settings.ephemeral_storage not in (None, 512, 10_240):
        yield _fault("ephemeral_storage", "is 512 or 10240 MB")
    if settings.gpu_memory and settings.gpu_memory not in range(1024, 16_385, 1024):
        yield _fault("gpu_memory", f"is {settings.gpu_memory}, and goes from 1024 to 16384 MB in steps of 1024")
    if len(settings.lts_custom_tag or {}) > 10:
        yield _fault("lts_custom_tag", "has more than 10 tags")
    for name, value in (settings.lts_custom_tag or {}).items():
        if not 1 <= len(name) <= 64 or len(value) > 64:
            yield _fault("lts_custom_tag", f"{name[:64]!r} or its value has more than 64 characters, or no name")


def _size_faults(settings: FunctionSettings) -> Iterator[Coded]:
    if len(msgspec.json.encode(settings)) <= MAX_SETTINGS_BYTES:
        return
    sizes = {name: len(msgspec.json.encode(getattr(settings, name))) for name in settings.__struct_fields__}
    largest = max(sizes, key=lambda name: sizes[name])
    yield _fault(largest, f"has {sizes[largest]} bytes as JSON, and all settings together have at most {MAX_SETTINGS_BYTES}")


def mount_faults(config: Mapping[str, Any] | None) -> Iterator[Coded]:
    """File systems are kept and shown; nothing is mounted here."""
    if not config:
        return
    yield from (("FSS.0400", fault) for fault in under("mount_config", faults_of(config, MountConfig)))
    mounts = config.get("func_mounts")
    if isinstance(mounts, list) and len(mounts) > 5:
        yield ("FSS.1049", Fault("mount_config.func_mounts", f"has {len(mounts)} items, more than 5"))
    user = config.get("mount_user")
    for name, number in user.items() if isinstance(user, Mapping) else ():
        if isinstance(number, int) and not rules.is_user(number):
            yield ("FSS.1075", Fault(f"mount_config.mount_user.{name}", f"is {number}, and {rules.USER_RULE}"))


def _coded(faults: Iterable[Fault], code: str = "") -> Iterator[Coded]:
    for fault in faults:
        yield (code or code_of(_top(fault)), fault)


def _fault(field: str, rule: str) -> Coded:
    return (code_of(field.partition(".")[0]), Fault(field, rule))
