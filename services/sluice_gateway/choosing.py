"""Which function an event goes to, decided while the headers of its request are at hand."""

from collections.abc import Mapping

from sluice.catalog import FunctionGone, Snapshot
from sluice.choice import memory_for, version_for, written
from sluice.errors import Invalid
from sluice.function import Function
from sluice_gateway.refusal import Refusal, disabled, no_alias, no_function, no_version


def chosen(snapshot: Snapshot, urn: str, event: bytes, headers: Mapping[str, str]) -> tuple[Function, str]:
    """The function, and what is to stand beside the event as its choice. `headers` have names in lower case. Raises Refusal."""
    version = version_for(snapshot.aliases.get(urn), headers)
    try:
        function = snapshot.resolve(urn, event, version)
    except FunctionGone:
        raise missing(snapshot, urn) from None
    if function.max_instances == 0:
        raise disabled()
    try:
        memory_mb = memory_for(function, headers)
    except Invalid as error:
        raise Refusal(406, error.code, f"Not acceptable: {error}.") from None
    return (function.sized(memory_mb) if memory_mb else function), written(version, memory_mb)


def missing(snapshot: Snapshot, urn: str) -> Refusal:
    """What of a URN is not there: the function (every one has a `latest`), the alias or the version."""
    function, _, qualifier = urn.rpartition(":")
    if f"{function}:latest" not in snapshot.functions:
        return no_function()
    return no_alias() if qualifier.startswith("!") and urn not in snapshot.aliases else no_version()
