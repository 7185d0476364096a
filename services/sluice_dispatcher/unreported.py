"""Ends that somebody wants to be told of, at a destination that nothing is sent to yet: counted, and named in the log."""

import structlog

from sluice.binding import Mode
from sluice.catalog import Change, FunctionGone, Snapshot
from sluice.destination import DELIVERED, kind_of
from sluice.function import Asynchronous, Function
from sluice.ledger import End, Ended
from sluice.metrics import UNREPORTED, Counter

log = structlog.get_logger()


class Unreported:
    """`ended` is called for every end, so where no destination is configured it looks at nothing."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.counted = Counter(UNREPORTED)
        self._snapshot = snapshot
        self._reporting: set[str] = set()
        """Versions and aliases with a destination."""
        self._named: set[tuple[str, str]] = set()
        """What the log has: one line for a function and kind, however many ends there are."""
        for function in snapshot.functions.values():
            self._note(function.urn, function)
        for alias in snapshot.aliases.values():
            self._note(alias.urn, alias.asynchronous)
        snapshot.listen(self._changed)

    def ended(self, ended: Ended) -> None:
        if not self._reporting or ended.pending.route.mode is not Mode.ASYNC:
            return
        kind = kind_of(self._destination(ended))
        if not kind or kind in DELIVERED:
            return
        self.counted.add(kind)
        function = ended.pending.route.function
        if (function, kind) not in self._named:
            self._named.add((function, kind))
            log.warning("ends_are_not_reported", function=function, destination=kind, end=str(ended.end))

    def _destination(self, ended: Ended) -> str:
        pending = ended.pending
        try:
            function = self._snapshot.resolve(pending.route.function, pending.event.id, pending.event.choice, pending.version)
        except FunctionGone:
            return ""
        return function.on_success if ended.end is End.SUCCESS else function.on_failure

    def _changed(self, change: Change) -> None:
        if change.function:
            self._note(change.function.urn, change.function)
        if change.alias:
            self._note(change.alias.urn, change.alias.asynchronous)
        if change.removed:
            self._reporting.discard(change.removed.partition(":")[2])

    def _note(self, urn: str, ends: Function | Asynchronous | None) -> None:
        if ends is not None and (ends.on_success or ends.on_failure):
            self._reporting.add(urn)
        else:
            self._reporting.discard(urn)
