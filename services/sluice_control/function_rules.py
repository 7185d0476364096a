"""What a function's configuration must be: ranges and words of FunctionGraph; pure."""

import re
from collections.abc import Iterator

import msgspec

from sluice.errors import Fault, Invalid
from sluice.function import MEMORY_SIZES_MB
from sluice.urn import NAME
from sluice_control.bodies import CustomImage, FunctionSettings

CONTAINER = "Custom Image"
HTTP = "http"
RUNTIMES = (CONTAINER, HTTP)
ZIP = "zip"
IMAGE = "Custom-Image-Swr"
_PACKAGE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED_IDS = (0, 1000, 1002)
_RESERVED_VARIABLES = frozenset(
    {
        "RUNTIME_PROJECT_ID",
        "RUNTIME_PACKAGE",
        "RUNTIME_FUNC_NAME",
        "RUNTIME_FUNC_VERSION",
        "RUNTIME_ALIAS",
        "RUNTIME_HANDLER",
        "RUNTIME_TIMEOUT",
        "RUNTIME_USERDATA",
        "RUNTIME_CPU",
        "RUNTIME_MEMORY",
        "RUNTIME_MAX_RESP_BODY_SIZE",
        "RUNTIME_MAX_REQUEST_BODY_SIZE",
        "RUNTIME_INITIALIZER_HANDLER",
        "RUNTIME_INITIALIZER_TIMEOUT",
        "RUNTIME_PRESTOP_HANDLER",
        "RUNTIME_MAX_STATE_SIZE",
        "RUNTIME_ROOT",
        "RUNTIME_CODE_ROOT",
        "RUNTIME_LOG_DIR",
        "RUNTIME_API_ADDR",
    }
)
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
    if not NAME.fullmatch(name):
        yield _fault("func_name", "has 1-60 letters, digits, _ or -, starts with a letter and ends with a letter or digit")
    if not _PACKAGE.fullmatch(package):
        yield _fault("package", "has 1-60 letters, digits, _ or -, starts with a letter and ends with a letter or digit")


def settings_faults(settings: FunctionSettings) -> Iterator[Coded]:
    """Of a configuration that is whole: mandatory fields are there."""
    yield from _core_faults(settings)
    yield from _initializer_faults(settings)
    yield from _strategy_faults(settings)
    yield from _data_faults("user_data", settings.user_data)
    yield from _data_faults("encrypted_user_data", settings.encrypted_user_data)
    yield from _custom_image_faults(settings.custom_image)
    yield from _attribute_faults(settings)


def concurrency_faults(field: str, concurrency: int) -> Iterator[Coded]:
    if not -1 <= concurrency <= 1000:
        yield _fault(field, f"is {concurrency}, and goes from -1 (no bound) and 0 (disabled) to 1000")


def _core_faults(settings: FunctionSettings) -> Iterator[Coded]:
    if settings.runtime not in RUNTIMES:
        yield _fault("runtime", f"is {settings.runtime!r}, and is {' or '.join(map(repr, RUNTIMES))} here")
    if settings.timeout is None or not 3 <= settings.timeout <= 259_200:
        yield _fault("timeout", f"is {settings.timeout}, and goes from 3 to 259200 s")
    if not _is_handler(settings.handler or ""):
        yield _fault("handler", "is - for a container contract, or has 3-128 characters and a '.'")
    if settings.memory_size not in MEMORY_SIZES_MB:
        yield _fault("memory_size", f"is {settings.memory_size}, and is one of {', '.join(map(str, MEMORY_SIZES_MB))}")
    if len(settings.description or "") > 512:
        yield _fault("description", "is longer than 512 characters")


def _is_handler(handler: str) -> bool:
    return handler == "-" or (3 <= len(handler) <= 128 and "." in handler)


def _initializer_faults(settings: FunctionSettings) -> Iterator[Coded]:
    handler, timeout = settings.initializer_handler, settings.initializer_timeout
    if handler and not _is_handler(handler):
        yield _fault("initializer_handler", "is -, or has 3-128 characters and a '.'")
    if handler and timeout is None:
        yield _fault("initializer_timeout", "is mandatory with initializer_handler")
    if timeout is not None and not 1 <= timeout <= 300 and (handler or timeout):
        yield _fault("initializer_timeout", f"is {timeout}, and goes from 1 to 300 s")
    if timeout and not handler:
        yield _fault("initializer_handler", "is mandatory with initializer_timeout")


def _strategy_faults(settings: FunctionSettings) -> Iterator[Coded]:
    if settings.strategy_config:
        yield from concurrency_faults("strategy_config.concurrency", settings.strategy_config.concurrency)
        if not 1 <= settings.strategy_config.concurrent_num <= 1000:
            yield _fault("strategy_config.concurrent_num", f"is {settings.strategy_config.concurrent_num}, and goes from 1 to 1000")


def _data_faults(field: str, text: str | None) -> Iterator[Coded]:
    if not text:
        return
    try:
        data = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError):
        yield _fault(field, "is the text of a JSON object from names to strings")
        return
    if len(data) > 20:
        yield ("FSS.1017", Fault(field, f"has {len(data)} items, more than 20"))
    if len(text) > 4096:
        yield ("FSS.1018", Fault(field, f"has {len(text)} characters, more than 4096"))
    for name in data:
        if not _VARIABLE.fullmatch(name):
            yield _fault(field, f"{name[:60]!r} is not a name: letters, digits and _, starting with a letter")
        if name in _RESERVED_VARIABLES:
            yield _fault(field, f"{name} is set by the platform")


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
        if text and not _is_user(text):
            yield (
                "FSS.1075",
                Fault(f"custom_image.{field}", f"is {text[:20]!r}, and is a number from -1 to 65534 except 0, 1000 and 1002"),
            )


def _is_user(text: str) -> bool:
    return bool(re.fullmatch(r"-1|[0-9]{1,5}", text)) and -1 <= int(text) <= 65_534 and int(text) not in _RESERVED_IDS


def _attribute_faults(settings: FunctionSettings) -> Iterator[Coded]:
    if settings.type not in (None, "v1", "v2"):
        yield _fault("type", "is v1 or v2")
    if settings.ephemeral_storage not in (None, 512, 10_240):
        yield _fault("ephemeral_storage", "is 512 or 10240 MB")
    if settings.pre_stop_timeout is not None and not 1 <= settings.pre_stop_timeout <= 90:
        yield _fault("pre_stop_timeout", f"is {settings.pre_stop_timeout}, and goes from 1 to 90 s")
    if len(settings.lts_custom_tag or {}) > 10:
        yield _fault("lts_custom_tag", "has more than 10 tags")


def _fault(field: str, rule: str) -> Coded:
    return (code_of(field.partition(".")[0]), Fault(field, rule))
