"""Syslog over TCP and TLS. Nothing is acknowledged there: a sender is held back by not being read."""

import asyncio
import ssl
from collections.abc import Callable

import structlog

from sluice.addresses import addresses
from sluice.tls import server_context
from sluice.trigger import Intake
from sluice_lts.arrivals import Arrivals
from sluice_lts.listening import address_of, cannot_listen, changed
from sluice_lts.networks import Networks
from sluice_lts.settings import LtsSettings
from sluice_lts.syslog import parse
from sluice_lts.syslog_frames import BadFrames, Frames

READ_BYTES = 64 * 1024
"""Of a connection is here and not yet accepted at most so much, and one message."""
MOST_CONNECTIONS = 500
HANDSHAKE_S = 10.0

log = structlog.get_logger("sluice.lts")


class SyslogStream:
    """One listening address."""

    def __init__(self, field: str, settings: LtsSettings, arrivals: Arrivals) -> None:
        self._field = field
        self._address: str = getattr(settings, field)
        self._settings = settings
        self._is_tls = field == "syslog_tls"
        self._networks = Networks(() if self._is_tls else settings.syslog_networks)
        self._arrivals = arrivals
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self, intake: Intake, begun: Callable[[], None]) -> None:
        """Until cancelled; `begun` is called each time when it listens. Raises SourceRefused, or SourceLost while it is somebody else's."""
        async with address_of(intake, self._field, self._address):
            try:
                while True:
                    await self._listen(begun)
            finally:
                await self._end()

    async def _listen(self, begun: Callable[[], None]) -> None:
        """Until the certificates change; connections outlive that."""
        ((host, port),) = addresses(self._address)
        try:
            server = await asyncio.start_server(
                self._accept, host, port, limit=READ_BYTES, ssl=self._context(), ssl_handshake_timeout=HANDSHAKE_S if self._is_tls else None
            )
        except OSError as error:
            cannot_listen(self._field, self._address, error)
        try:
            begun()
            settings = self._settings
            await changed(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        finally:
            server.close()

    def _context(self) -> ssl.SSLContext | None:
        settings = self._settings
        return server_context(settings.tls_certificate, settings.tls_key, settings.tls_client_ca) if self._is_tls else None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = str((writer.get_extra_info("peername") or ("",))[0])
        if len(self._connections) >= MOST_CONNECTIONS or not self._networks.allow(sender):
            log.warning("syslog sender refused", field=self._field, sender=sender)
            writer.close()
            return
        connection = asyncio.ensure_future(self._serve(reader, writer, sender))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str) -> None:
        try:
            await self._read(reader, sender)
        except asyncio.CancelledError:
            writer.transport.abort()  # a clean end of TLS would wait for the other side
            raise
        except BadFrames as bad:
            log.warning("syslog stream broken", field=self._field, sender=sender, reason=str(bad))
        except OSError as error:
            log.info("syslog sender lost", field=self._field, sender=sender, reason=str(error))
        except Exception:
            log.exception("syslog connection failed", field=self._field, sender=sender)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, sender: str) -> None:
        frames, count = Frames(), 0
        while data := await reader.read(READ_BYTES):
            messages = frames.feed(data)
            await self._hand_over(messages, sender, count)
            count += len(messages)
        if rest := frames.rest():
            await self._hand_over([rest], sender, count)

    async def _hand_over(self, messages: list[bytes], sender: str, count: int) -> None:
        now = self._arrivals.now()
        logs = [parse(message, sender, number, now) for number, message in enumerate(messages, count + 1)]
        await self._arrivals.hand_over_at_last(f"{self._field} {self._address}", logs)

    async def _end(self) -> None:
        for connection in list(self._connections):
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
