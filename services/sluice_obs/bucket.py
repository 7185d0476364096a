"""The port to a bucket's own list of what it notifies. `bucket_aiobotocore` is the real one."""

from typing import Protocol


class Bucket(Protocol):
    async def install(self) -> None:
        """See that the bucket has our notification, and leave all others as they are. Raises SourceLost, SourceRefused."""
        ...
