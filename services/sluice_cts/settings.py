"""The settings of a CTS trigger: FunctionGraph's names, and ours beside them."""

from typing import Annotated

from msgspec import Meta

from sluice.errors import Invalid
from sluice.pushed import PushedSettings
from sluice_cts.operations import faults

Name = Annotated[str, Meta(min_length=1, max_length=64)]


class CtsSettings(PushedSettings, frozen=True, kw_only=True):
    """`event_data` of CTS. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once,
    and every fault is named (Invalid)."""

    name: Name
    """Of the notification; says nothing here."""
    operations: Annotated[list[str], Meta(min_length=1)]
    """What the trigger is for, each as `service:resource;resource:operation;operation`; `*` stands for any."""

    def __post_init__(self) -> None:
        found = list(faults(self.operations))
        if found:
            raise Invalid([fault for _, fault in found], found[0][0])
