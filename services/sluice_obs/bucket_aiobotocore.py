"""A bucket's list of notifications, at an S3-compatible store, through aiobotocore."""

from collections.abc import Awaitable, Callable

from sluice.errors import SourceLost
from sluice_obs.client_aiobotocore import Client
from sluice_obs.notified import with_ours
from sluice_obs.settings import ObsSettings

TRIES = 5
"""Others may write the list at the same time as we do; a store knows only the whole of it."""
_MISSING = {"NoSuchBucket": "bucket"}


class AiobotocoreBucket:
    """One bucket. `target` gives what it is to notify."""

    def __init__(self, settings: ObsSettings, name: str, target: Callable[[], Awaitable[str]]) -> None:
        self._settings = settings
        self._name = name
        self._target = target

    async def install(self) -> None:
        target = await self._target()
        client = Client("s3", self._settings, self._settings.store_endpoint, _MISSING)
        try:
            await client.connect()
            for _ in range(TRIES):
                found = await client.call("get_bucket_notification_configuration", Bucket=self._settings.bucket)
                wanted = with_ours(found, self._settings, self._name, target)
                if wanted is None:
                    return
                await client.call("put_bucket_notification_configuration", Bucket=self._settings.bucket, NotificationConfiguration=wanted)
        finally:
            await client.close()
        raise SourceLost(f"{self._settings.bucket}: others go on writing what the bucket notifies")
