"""The HTTP triggers that are served now, as the catalog has them."""

import msgspec
import structlog

from sluice import filters
from sluice.binding import Binding, Mode, Ordering, TriggerStatus
from sluice.catalog import Change, Snapshot
from sluice.errors import Invalid
from sluice_gateway.routes import Match, Routes
from sluice_gateway.settings import ApigSettings
from sluice_gateway.webhook import Webhook

KIND_NAME = "gateway"

log = structlog.get_logger()


class Served(msgspec.Struct, frozen=True, gc=False):
    """One trigger, ready to be called."""

    trigger: str
    project: str
    function: str
    incarnation: str
    stage: str
    auth: str
    """NONE, IAM or APP."""
    webhook: Webhook | None
    """What a sender has to prove where `auth` asks for nothing."""
    is_sync: bool
    timeout_s: float
    lane: str
    """Of all its events, where they are to run one after another; else ""."""
    match: filters.Match | None
    """What decides which requests become events; None: all do."""


class Triggers:
    """Follows the snapshot. A binding that cannot be read is left out and named in `faults`; the others are not touched by it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._settings: dict[str, tuple[ApigSettings, Served]] = {}
        self._routes: Routes[Served] | None = None
        self.faults: dict[str, str] = {}
        for binding in snapshot.bindings.values():
            self._take(binding)
        snapshot.listen(self._changed)

    def match(self, method: str, raw_path: bytes) -> Match[Served] | None:
        if self._routes is None:
            self._routes = Routes(self._settings.values())
        return self._routes.match(method, raw_path)

    def _changed(self, change: Change) -> None:
        if change.binding:
            self._take(change.binding)
        noun, _, trigger = change.removed.partition(":")
        if noun == "binding":
            self._drop(trigger)

    def _take(self, binding: Binding) -> None:
        if binding.kind != KIND_NAME:
            return
        self._drop(binding.trigger)
        if binding.status is not TriggerStatus.ACTIVE:
            return
        try:
            settings = msgspec.json.decode(binding.settings, type=ApigSettings)
            served = _served(binding, settings)
        except (msgspec.MsgspecError, Invalid) as error:
            self.faults[binding.trigger] = str(error)
            log.error("trigger_unreadable", trigger=binding.trigger, reason=str(error))
            return
        self._settings[binding.trigger] = (settings, served)

    def _drop(self, trigger: str) -> None:
        self.faults.pop(trigger, None)
        self._settings.pop(trigger, None)
        self._routes = None


def _served(binding: Binding, settings: ApigSettings) -> Served:
    return Served(
        trigger=binding.trigger,
        project=binding.project,
        function=binding.function,
        incarnation=binding.incarnation,
        stage=settings.env_name,
        auth=settings.auth,
        webhook=settings.webhook,
        is_sync=binding.mode is Mode.SYNC,
        timeout_s=settings.timeout_s,
        lane="" if binding.ordering is Ordering.NONE else f"{binding.trigger}/request",
        match=filters.parse(binding.filter),
    )
