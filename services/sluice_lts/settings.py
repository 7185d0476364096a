"""The settings of an LTS trigger: FunctionGraph's names, and ours beside them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice.pushed import PushedSettings

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(max_length=255)]


class LtsSettings(PushedSettings, frozen=True, kw_only=True):
    """`event_data` of LTS. Decoding refuses unknown keys and wrong types by name; what the fields mean together is checked at once, and
    every fault is named (Invalid)."""

    log_group_id: Id
    log_topic_id: Id
    """Of the log group and the log stream; copied into events, and together the topic that logs are published to."""
    log_group_name: Name = ""
    log_topic_name: Name = ""
    """Kept, and without a meaning here."""

    owner: Name = ""
    """Copied into events. "": the project."""
    metadata: bool = False
    """Whether events carry severity, attributes and resource of each log too."""
    deduplicate: bool = True
    """Whether a request that is sent again is the same logs; only of logs that bring their time."""
    files: Annotated[list[str], Meta(max_length=100)] = msgspec.field(default_factory=list)
    """Files to follow on the machine of the trigger's service: absolute paths below its `readable_logs`."""
    start_position: Literal["latest", "earliest"] = "latest"
    """Where a file is begun that was never read."""
    position_lost: Literal["stop", "earliest", "latest"] = "stop"
    """What to do when the file that was read is gone."""

    def __post_init__(self) -> None:
        faults = [*self._topic_faults(), *self._file_faults()]
        if faults:
            raise Invalid(faults)

    @property
    def topic(self) -> str:
        return f"{self.log_group_id}/{self.log_topic_id}"

    def _topic_faults(self) -> Iterator[Fault]:
        for field in ("log_group_id", "log_topic_id"):
            if "/" in getattr(self, field):
                yield Fault(field, "holds no /")

    def _file_faults(self) -> Iterator[Fault]:
        for path in self.files:
            if not Path(path).is_absolute() or "\0" in path:
                yield Fault("files", f"{path[:80]!r} is not an absolute path")
        if len(set(self.files)) != len(self.files):
            yield Fault("files", "a file is named twice")
