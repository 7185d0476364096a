"""How many of each thing a project may have; FunctionGraph's numbers where they protect something."""

import msgspec

from sluice.function_rules import MOST_PULL_TRIGGERS, MOST_TRIGGERS


class Limits(msgspec.Struct, frozen=True):
    """Versions count `latest`; triggers count for one version or alias."""

    functions: int = 100_000
    """FunctionGraph allows 400; here the machine is the user's own."""
    versions: int = 20
    aliases: int = 10
    triggers: int = MOST_TRIGGERS
    pull_triggers: int = MOST_PULL_TRIGGERS
    """Of one function."""
    test_events: int = 10
    tags: int = 20
    reserved: int = 90
    """Reserved instances of all functions of a project together."""
