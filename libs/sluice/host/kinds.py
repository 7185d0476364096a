"""The kinds of triggers that are installed: each service package `sluice_<kind>` with a KIND registers as an entry point."""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points

import structlog

from sluice.trigger import TriggerKind

GROUP = "sluice.kinds"

log = structlog.get_logger()


def installed() -> list[TriggerKind]:
    """Every kind whose package can be imported. A kind whose extra is missing is left out; the log names what it lacks."""
    kinds: list[TriggerKind] = []
    for entry in entry_points(group=GROUP):
        try:
            kind = entry.load()
        except ImportError as missing:
            log.info("kind not installed", kind=entry.name, missing=missing.name)
            continue
        kinds.append(kind)
    return kinds


def by_type(kinds: Iterable[TriggerKind]) -> Mapping[str, TriggerKind]:
    """The kinds by the FunctionGraph type codes they serve."""
    return {code: kind for kind in kinds for code in kind.types}
