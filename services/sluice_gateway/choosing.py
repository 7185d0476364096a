"""Which function an event goes to, decided while the headers of its request are at hand."""

from collections.abc import Mapping

from sluice.catalog import FunctionGone, Snapshot
from sluice.choice import memory_for, version_for, written
from sluice.errors import Invalid
from sluice.function import Function
from sluice_gateway.refusal import Refusal, disabled, no_function


def chosen(snapshot: Snapshot, urn: str, event: bytes, headers: Mapping[str, str]) -> tuple[Function, str]:
    """The function, and what is to stand beside the event as its choice. `headers` have names in lower case. Raises Refusal."""
    version = version_for(snapshot.aliases.get(urn), headers)
    try:
        function = snapshot.resolve(urn, event, version)
    except FunctionGone:
        raise no_function() from None
    if function.max_instances == 0:
        raise disabled()
    try:
        memory_mb = memory_for(function, headers)
    except Invalid as error:
        raise Refusal(406, error.code, f"Not acceptable: {error}.") from None
    return (function.sized(memory_mb) if memory_mb else function), written(version, memory_mb)
