"""HTTP through aiohttp."""

import asyncio
import ssl
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from sluice.errors import SourceRefused, Unavailable
from sluice.tls import client_context
from sluice_smn.hosts import moved
from sluice_smn.web import NotGiven

WITHIN_S = 5.0
MOST_BYTES = 64 * 1024


class AiohttpWeb:
    """A connection for each request: they are rare. `endpoint` is where every host is reached instead, "" for nowhere else; what `ca` names
    is read anew each time."""

    def __init__(self, endpoint: str = "", ca: str = "") -> None:
        self._endpoint = endpoint
        self._ca = ca

    def check(self) -> None:
        if self._ca:
            client_context(self._ca, "", "")

    async def get(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._get(url)
        except TimeoutError:
            raise Unavailable(f"{_place(url)} does not answer") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise NotGiven(f"{_place(url)}: TLS failed: {error.certificate_error}") from error
        except SourceRefused as refused:  # what `ca` names was there at the start; whoever mends it loses nothing
            raise Unavailable(str(refused)) from refused
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            raise Unavailable(f"{_place(url)}: {type(error).__name__}: {error}"[:300]) from error

    async def _get(self, url: str) -> bytes:
        asked = moved(url, self._endpoint) if self._endpoint else url
        headers = {"Host": urlsplit(url).netloc, "Accept": "*/*"}
        context = client_context(self._ca, "", "") if asked.startswith("https:") else False
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(URL(asked, encoded=True), headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status >= 500:
                raise Unavailable(f"{_place(url)} answers {answer.status}")
            if not 200 <= answer.status < 300:
                raise NotGiven(f"{_place(url)} answers {answer.status}")
            return await _body(answer, url)

    async def close(self) -> None:
        """Nothing is kept open."""


async def _body(answer: aiohttp.ClientResponse, url: str) -> bytes:
    body = b""
    async for chunk in answer.content.iter_chunked(MOST_BYTES):
        body += chunk
        if len(body) > MOST_BYTES:
            raise NotGiven(f"{_place(url)} answers with more than {MOST_BYTES} bytes")
    return body


def _place(url: str) -> str:
    """Where it is, without what it says: the address of a confirmation is a secret."""
    return urlsplit(url).netloc
