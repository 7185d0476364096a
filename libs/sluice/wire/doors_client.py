"""Triggers far away that are pushed to (`sluice.push.Doors`)."""

from collections.abc import Mapping

from sluice.push import Answer, Request, problem
from sluice.v1 import push_pb2
from sluice.wire.doors import packed_request, unpacked_answer
from sluice.wire.peer import Asker, Peer

ANSWER_WITHIN_S = 60.0


class RemoteDoors:
    """Close it when done. Each kind is a service of its own; a kind without an address has no triggers."""

    def __init__(self, peers: Mapping[str, Peer]) -> None:
        self._askers = {kind: Asker(peer, "Push") for kind, peer in peers.items()}

    async def send(self, kind: str, trigger: str, request: Request) -> Answer:
        asked = push_pb2.SendRequest(kind=kind, trigger=trigger, request=packed_request(request))
        asker = self._askers.get(kind)
        if asker is None:
            return _no_service(kind)
        return unpacked_answer((await asker.ask("Send", asked, push_pb2.SendResponse, ANSWER_WITHIN_S)).answer)

    async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
        asked = push_pb2.PublishRequest(kind=kind, project=project, topic=topic, request=packed_request(request))
        asker = self._askers.get(kind)
        if asker is None:
            return _no_service(kind)
        return unpacked_answer((await asker.ask("Publish", asked, push_pb2.PublishResponse, ANSWER_WITHIN_S)).answer)

    async def aclose(self) -> None:
        for asker in self._askers.values():
            await asker.close()


def _no_service(kind: str) -> Answer:
    return problem(404, f"Nothing is pushed to triggers of the kind {kind} here.")
