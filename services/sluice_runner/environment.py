"""The environment of a function: nothing inherited, nothing of ours."""

import msgspec

from sluice.function import Function
from sluice.urn import Urn, parse


def environment(function: Function) -> dict[str, str]:
    """All of the function's environment: its own variables, and the platform's, which win. Where the code is, the engine adds."""
    urn = parse(function.urn, region="", project="")
    return {**function.environment, **function.secrets, **_runtime(function, urn)}


def _runtime(function: Function, urn: Urn) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - the function's own, private where the isolation allows
        "RUNTIME_PROJECT_ID": urn.project,
        "RUNTIME_PACKAGE": urn.package,
        "RUNTIME_FUNC_NAME": urn.name,
        "RUNTIME_FUNC_VERSION": urn.qualifier,
        "RUNTIME_HANDLER": function.handler,
        "RUNTIME_TIMEOUT": f"{function.timeout_s:g}",
        "RUNTIME_USERDATA": msgspec.json.encode({**function.environment, **function.secrets}).decode(),
        "RUNTIME_CPU": str(max(300, function.memory_mb * 100 // 128)),
        "RUNTIME_MEMORY": str(function.memory_mb),
        "RUNTIME_MAX_RESP_BODY_SIZE": "6291456",
        "RUNTIME_MAX_REQUEST_BODY_SIZE": "6291456",
        **({"RUNTIME_INITIALIZER_TIMEOUT": f"{function.init_timeout_s:g}"} if function.initialize else {}),
    }
