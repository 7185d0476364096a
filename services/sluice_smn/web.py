"""The port to where certificates are, and where a subscription is confirmed. `web_aiohttp` is the real one; tests have a fake."""

from typing import Protocol

from sluice.errors import SluiceError


class NotGiven(SluiceError):
    """The server answered, and not with what was asked for: it will not be otherwise a moment later."""


class Web(Protocol):
    """GET, bounded in size and time, of addresses that the caller has checked. No redirect is followed."""

    def check(self) -> None:
        """Raises SourceRefused if the settings cannot be used."""
        ...

    async def get(self, url: str) -> bytes:
        """The body of a 2xx answer. Raises Unavailable when nobody answers in time or with a 5xx, NotGiven for any other answer."""
        ...

    async def close(self) -> None: ...
