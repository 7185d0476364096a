"""The settings of a CTS trigger: FunctionGraph's names, and ours beside them."""

from typing import Annotated, Literal

from msgspec import Meta

from sluice.errors import Fault, Invalid
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

    audit_log: Annotated[str, Meta(max_length=4096)] = ""
    """The Linux audit log to follow, by its absolute path; "": none. Its directory is one of the operator's `readable_logs`."""
    start_position: Literal["latest", "earliest"] = "latest"
    """Where the log is begun the first time."""
    position_lost: Literal["stop", "earliest", "latest"] = "stop"
    """What becomes of a log whose file is another one, with none beside it that is the old one."""

    def __post_init__(self) -> None:
        found = list(faults(self.operations))
        if self.audit_log and not self.audit_log.startswith("/"):
            found.append(("FSS.0400", Fault("audit_log", "is an absolute path")))
        if found:
            raise Invalid([fault for _, fault in found], found[0][0])
