"""The environment of a function: nothing inherited, nothing of ours."""

import msgspec

from sluice.function import Function
from sluice.runtimes import HANDLED, NO_HANDLER
from sluice.urn import Urn, parse

PATH = "/usr/local/bin:/usr/bin:/bin"
FUNCTION_PORT = 8000
"""Where a function listens that has a network of its own."""


def environment(function: Function) -> dict[str, str]:
    """All of the function's environment: its own variables, and the platform's, which win. Where the code is, the engine adds."""
    urn = parse(function.urn, region="", project="")
    return {**function.environment, **function.secrets, **_runtime(function, urn)}


def cpu(memory_mb: int) -> int:
    """Thousandths of a core, by the memory."""
    return max(300, memory_mb * 100 // 128)


def _runtime(function: Function, urn: Urn) -> dict[str, str]:
    return {
        "PATH": PATH,
        "HOME": "/tmp",  # noqa: S108 - the function's own, private where the isolation allows
        "RUNTIME_PROJECT_ID": urn.project,
        "RUNTIME_PACKAGE": urn.package,
        "RUNTIME_FUNC_NAME": urn.name,
        "RUNTIME_FUNC_VERSION": urn.qualifier,
        "RUNTIME_HANDLER": function.handler,
        "RUNTIME_TIMEOUT": f"{function.timeout_s:g}",
        "RUNTIME_USERDATA": msgspec.json.encode({**function.environment, **function.secrets}).decode(),
        "RUNTIME_CPU": str(cpu(function.memory_mb)),
        "RUNTIME_MEMORY": str(function.memory_mb),
        "RUNTIME_MAX_RESP_BODY_SIZE": "6291456",
        "RUNTIME_MAX_REQUEST_BODY_SIZE": "6291456",
        **({"RUNTIME_INITIALIZER_TIMEOUT": f"{function.init_timeout_s:g}"} if function.initialize else {}),
        **_named("RUNTIME_INITIALIZER_HANDLER", function.initializer),
        **_named("RUNTIME_PRESTOP_HANDLER", function.pre_stop),
        **({"SLUICE_CONCURRENCY": str(function.instance_concurrency)} if function.runtime in HANDLED else {}),
    }


def _named(variable: str, handler: str) -> dict[str, str]:
    return {variable: handler} if handler not in ("", NO_HANDLER) else {}
