"""The triggers of this process that are pushed to: their own addresses, and the topics that they share."""

import asyncio
from collections.abc import Callable

import structlog

from sluice.binding import Binding
from sluice.push import Answer, Request, Serve, problem

AGAIN_S = 1.0

log = structlog.get_logger()


class LocalDoors:
    """Implements `sluice.push.Doors`. `starting` lists the bindings whose triggers are being started."""

    def __init__(self, starting: Callable[[], list[Binding]]) -> None:
        self._starting = starting
        self._open: dict[str, tuple[Binding, Serve]] = {}
        self._topics: dict[tuple[str, str, str], dict[str, Serve]] = {}

    def open(self, binding: Binding, serve: Serve, topics: tuple[str, ...]) -> None:
        """From now on `serve` answers for the trigger, and nothing else does."""
        if before := self._open.get(binding.trigger):
            self.shut(*before)
        self._open[binding.trigger] = (binding, serve)
        for topic in topics:
            self._topics.setdefault((binding.kind, binding.project, topic), {})[binding.trigger] = serve

    def shut(self, binding: Binding, serve: Serve) -> None:
        """Harmless if another one answers by now: a run may end after the next one began."""
        if self._open.get(binding.trigger, (None, None))[1] is not serve:
            return
        del self._open[binding.trigger]
        for name, triggers in list(self._topics.items()):
            triggers.pop(binding.trigger, None)
            if not triggers:
                del self._topics[name]

    async def send(self, kind: str, trigger: str, request: Request) -> Answer:
        found = self._open.get(trigger)
        if found is not None and found[0].kind == kind:
            return await _answered(trigger, found[1], request)
        if any(binding.trigger == trigger for binding in self._starting()):
            return _starting()
        return problem(404, f"No {kind} trigger {trigger} is active here.")

    async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
        if any((binding.kind, binding.project) == (kind, project) for binding in self._starting()):
            return _starting()
        serving = self._topics.get((kind, project, topic))
        if not serving:
            return problem(404, f"No {kind} trigger of the project is active for {topic}.")
        answers = await asyncio.gather(*(_answered(trigger, serve, request) for trigger, serve in list(serving.items())))
        return max(answers, key=_badness)


async def _answered(trigger: str, serve: Serve, request: Request) -> Answer:
    try:
        return await serve(request)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return _starting()  # the trigger's run has ended under the request
    except Exception:
        log.exception("push failed", trigger=trigger)
        return problem(500, "Internal server error.")


def _starting() -> Answer:
    return problem(503, "Service unavailable: the trigger is being started.", retry_after_s=AGAIN_S)


def _badness(answer: Answer) -> tuple[bool, int]:
    """Those that ask the sender to come again are the worst: whoever was refused will be refused again."""
    return (answer.status >= 500 or answer.status == 429, answer.status)
