"""The Status service over what a process knows of itself."""

from collections.abc import Callable, Iterable, Sequence

from sluice.metrics import Sample
from sluice.status import Check
from sluice.v1 import status_pb2
from sluice.wire.guard import Guard, need_project
from sluice.wire.mirror import pack
from sluice.wire.server import Handlers
from sluice.wire.streams import unary
from sluice.wire.token import ServiceToken


class StatusService:
    """Figures and checks are of all projects: a caller that is confined to one gets neither."""

    name = "Status"

    def __init__(self, figures: Callable[[], Iterable[Sample]], checks: Callable[[], Sequence[Check]]) -> None:
        self._figures_now = figures
        self._checks_now = checks

    def handlers(self, guard: Guard) -> Handlers:
        return {
            "Figures": unary(guard, "Status.Figures", self._figures, status_pb2.FiguresRequest),
            "Checks": unary(guard, "Status.Checks", self._checks, status_pb2.ChecksRequest),
        }

    async def _figures(self, caller: ServiceToken, _request: status_pb2.FiguresRequest) -> status_pb2.FiguresResponse:
        need_project(caller, "")
        figures = [status_pb2.Figure(metric=metric.name, labels=labels, value=value) for metric, labels, value in self._figures_now()]
        return status_pb2.FiguresResponse(figures=figures)

    async def _checks(self, caller: ServiceToken, _request: status_pb2.ChecksRequest) -> status_pb2.ChecksResponse:
        need_project(caller, "")
        return status_pb2.ChecksResponse(checks=[pack(check, status_pb2.Check) for check in self._checks_now()])
