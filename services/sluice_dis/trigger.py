"""The DIS trigger: reads the shards of a stream, each from where its claim says."""

from collections.abc import Callable

from sluice.clock import Clock, SystemClock
from sluice.trigger import Intake
from sluice_dis.beginning import Beginning
from sluice_dis.ending import end_of
from sluice_dis.follower import Follower
from sluice_dis.settings import DisSettings
from sluice_dis.stream import Stream


class DisTrigger:
    """One trigger. `run` may be called again after it ended."""

    def __init__(self, settings: DisSettings, stream: Stream, clock: Clock | None = None) -> None:
        self._settings = settings
        self._stream = stream
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost while the service does not answer, SourceRefused for a login, stream or position that is
        refused."""
        try:
            await self._stream.connect()
            about = await self._stream.about()
            starts = await Beginning(self._settings, self._stream, intake, about).decide()
            # From now on every shard has its position, whoever reads it.
            ready()
            await Follower(self._settings, self._stream, intake, about, self._clock, starts).run()
        except BaseExceptionGroup as group:
            raise end_of(group) from None
        finally:
            await self._stream.close()
