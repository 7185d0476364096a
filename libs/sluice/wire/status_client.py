"""How a service far away is (`sluice.status.Status`)."""

from sluice.metrics import REGISTER, Sample
from sluice.status import Check
from sluice.v1 import status_pb2
from sluice.wire.mirror import unpack
from sluice.wire.peer import Asker, Peer

ANSWER_WITHIN_S = 1.0
"""Who asks how a service is does not wait for one that is ill."""

_METRICS = {metric.name: metric for metric in REGISTER}


class RemoteStatus:
    """Close it when done. Raises Unavailable for a service that is away or does not answer in a second."""

    def __init__(self, peer: Peer) -> None:
        self._asker = Asker(peer, "Status")

    async def figures(self) -> list[Sample]:
        """Of the metrics that this release knows."""
        answer = await self._asker.ask("Figures", status_pb2.FiguresRequest(), status_pb2.FiguresResponse, ANSWER_WITHIN_S)
        known = [figure for figure in answer.figures if figure.metric in _METRICS]
        return [(_METRICS[figure.metric], tuple(figure.labels), figure.value) for figure in known]

    async def checks(self) -> list[Check]:
        answer = await self._asker.ask("Checks", status_pb2.ChecksRequest(), status_pb2.ChecksResponse, ANSWER_WITHIN_S)
        return [unpack(check, Check) for check in answer.checks]

    async def aclose(self) -> None:
        await self._asker.close()
