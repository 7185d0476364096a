"""A binding: what the mesh must know to serve one trigger."""

import sys
from enum import StrEnum

import msgspec

_SHARED = ("project", "type", "kind", "function", "incarnation")


class Mode(StrEnum):
    """How an event reaches its function. The kind decides; only gateway kinds let the trigger choose."""

    ASYNC = "async"
    """Accepted by the ledger, then run, retried and ended by policy."""
    SYNC = "sync"
    """Run now; a waiting caller holds the answer, and nothing is recorded."""
    RECORDED = "recorded"
    """A synchronous kind without a caller (TIMER): accepted like async, run once, never retried."""


class Ordering(StrEnum):
    NONE = "none"
    KEY = "key"
    SOURCE = "source"


class TriggerStatus(StrEnum):
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class Binding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One trigger of a function version or alias.

    `settings` is the JSON text of the kind's settings as the user wrote them (`event_data`), decoded by the kind's own type.
    `incarnation` changes when the source is another one (new address, new topic): positions of an older one do not apply.
    `generation` grows with every change of the catalog and says which state of it this is.
    """

    trigger: str
    project: str
    type: str
    """FunctionGraph's trigger_type_code, e.g. OPENSOURCEKAFKA."""
    kind: str
    """The service that serves it, e.g. kafka."""
    function: str
    """Full URN with version or !alias."""
    settings: bytes
    mode: Mode = Mode.ASYNC
    status: TriggerStatus = TriggerStatus.ACTIVE
    ordering: Ordering = Ordering.NONE
    batch_size: int = 1
    linger_s: float = 0.0
    filter: str = ""
    """JSON text of the filter, "" for none."""
    max_pending: int = 10_000
    """Events of a replayable source that may be accepted and not ended."""
    max_pending_bytes: int = 64 * 1024 * 1024
    incarnation: str = "1"
    generation: int = 1
    created_ms: int = 0

    def __post_init__(self) -> None:
        """Words that many bindings have in common are kept once, however often they arrive."""
        for name in _SHARED:
            msgspec.structs.force_setattr(self, name, sys.intern(getattr(self, name)))
