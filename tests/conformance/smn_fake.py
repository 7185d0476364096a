"""Where certificates are and subscriptions are confirmed, in memory."""

from sluice_smn.web import NotGiven


class FakeWeb:
    """Implements `sluice_smn.web.Web`: has `pages` by their whole address, and notes what is asked for. A page that is an exception is
    raised."""

    def __init__(self, pages: dict[str, bytes | Exception] | None = None) -> None:
        self.pages = pages or {}
        self.asked: list[str] = []

    def check(self) -> None:
        """There is nothing to set."""

    async def get(self, url: str) -> bytes:
        self.asked.append(url)
        page = self.pages.get(url, NotGiven("404"))
        if isinstance(page, Exception):
            raise page
        return page

    async def close(self) -> None:
        """Nothing is open."""
