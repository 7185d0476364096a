"""The settings of an APIG trigger: FunctionGraph's names, with defaults for what only its API gateway product needs."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.binding import Mode
from sluice.errors import Fault, Invalid
from sluice_gateway.webhook import Webhook

MAX_PATH = 512
RESERVED = ("/v2", "/v3", "/sluice", "/metrics", "/livez", "/readyz", "/openapi.json", "/console")
"""Where the gateway itself and the API live; a trigger may not take these, nor anything below them."""

_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|[^\x00-\x7f])+")
PARAMETER = re.compile(r"\{([A-Za-z][A-Za-z0-9_-]{0,63})\}")

Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "ANY"]


class FuncInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the function is called. Which function it is, is the binding's word; `function_urn` and `version` are kept as written."""

    timeout: Annotated[int, Meta(ge=1, le=60_000)] = 5_000
    """How long the caller waits for the answer of a synchronous call (milliseconds); then it is told 504."""
    invocation_type: Literal["sync", "async"] = "sync"
    function_urn: str = ""
    version: str = ""


class ApigSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`event_data` of APIG, DEDICATEDGATEWAY and APIC. Unknown keys and wrong types are refused by name; every fault of the path is named
    at once (Invalid)."""

    path: str
    """Decoded path from the root: `/orders`, `/orders/{id}`. `{name}` takes one whole segment."""
    name: str = ""
    group_id: str = "default"
    group_name: str = "default"
    env_id: str = "DEFAULT_ENVIRONMENT_RELEASE_ID"
    env_name: str = "RELEASE"
    """The function sees it as `requestContext.stage`."""
    auth: Literal["NONE", "IAM", "APP"] = "IAM"
    """NONE: anybody. IAM: a key of the trigger's project that may invoke. APP: an app of the trigger's project."""
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    match_mode: Literal["SWA", "NORMAL"] = "NORMAL"
    """NORMAL: exactly this path. SWA: this path and everything below it, by whole segments."""
    req_method: Method = "ANY"
    type: Literal[1, 2] = 1
    backend_type: Literal["FUNCTION"] = "FUNCTION"
    sl_domain: Annotated[str, Meta(max_length=255)] = ""
    instance_id: str = ""
    """Of the gateway, with DEDICATEDGATEWAY and APIC; kept as written: here all three are served by the one door there is."""
    func_info: FuncInfo = FuncInfo()
    webhook: Webhook | None = None
    """Ours: who may call is who signs as this says."""

    def __post_init__(self) -> None:
        faults = list(path_faults(self.path))
        if self.webhook is not None and self.auth != "NONE":
            faults.append(Fault("webhook", "proves its sender by itself: auth is NONE"))
        if faults:
            raise Invalid(faults)

    @property
    def mode(self) -> Mode:
        return Mode.ASYNC if self.func_info.invocation_type == "async" else Mode.SYNC

    @property
    def timeout_s(self) -> float:
        return self.func_info.timeout / 1000


def path_faults(path: str) -> Iterator[Fault]:
    """What is wrong with a trigger's path."""
    if not path.startswith("/") or len(path) > MAX_PATH:
        yield Fault("path", f"begins with / and has at most {MAX_PATH} characters")
        return
    for reserved in RESERVED:
        if path == reserved or path.startswith(reserved + "/"):
            yield Fault("path", f"{reserved} belongs to the gateway itself")
    names = []
    segments = path[1:].split("/")
    for index, segment in enumerate(segments):
        parameter = PARAMETER.fullmatch(segment)
        if parameter:
            names.append(parameter[1])
        elif (segment or index < len(segments) - 1) and (not _SEGMENT.fullmatch(segment) or segment in (".", "..")):
            yield Fault("path", f"{segment[:60]!r} is neither a plain segment nor {{name}}")
    if len(set(names)) != len(names):
        yield Fault("path", "a path parameter is named twice")
