"""Senders of sources that push: numbered things, sent again until they are taken, as such sources do."""

import http.client
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tests.e2e.driver import Sluice

WITHIN_S = 120.0
AGAIN_S = 0.05

Make = Callable[[range], bytes]
"""The body of the request that holds the things of these numbers."""
Named = Callable[[range], Mapping[str, str]]
"""More headers of that request."""


class Pusher:
    """Sends the numbers from 0 in batches, from several threads, each batch again until it is answered 2xx. `answers` counts what was
    answered, 0 for no answer at all."""

    def __init__(
        self,
        sluice: Sluice,
        path: str,
        make: Make,
        *,
        batch: int,
        threads: int = 4,
        headers: Mapping[str, str] | None = None,
        named: Named = lambda _: {},
    ) -> None:
        self.answers: Counter[int] = Counter()
        self.taken = 0
        self._sluice = sluice
        self._path = path
        self._make = make
        self._batch = batch
        self._threads = threads
        self._headers = dict(headers or {})
        self._named = named
        self._next = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @contextmanager
    def sending(self, count: int) -> Iterator[None]:
        """All are taken at the end."""
        threads = [threading.Thread(target=self._send, args=(count,), daemon=True) for _ in range(self._threads)]
        for thread in threads:
            thread.start()
        try:
            yield
            for thread in threads:
                thread.join(WITHIN_S)
        finally:
            self._stop.set()
        assert self.taken == count, (self.taken, self.answers)

    def _send(self, count: int) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            with self._lock:
                numbers = range(self._next, min(count, self._next + self._batch))
                self._next = numbers.stop
            if not numbers:
                break
            body, headers = self._make(numbers), {**self._headers, **self._named(numbers)}
            while not self._stop.is_set():
                status, connection = self._post(connection, body, headers)
                self.answers[status] += 1
                if 200 <= status < 300:
                    with self._lock:
                        self.taken += len(numbers)
                    break
                time.sleep(AGAIN_S)
        if connection is not None:
            connection.close()

    def _post(
        self, connection: http.client.HTTPConnection | None, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, http.client.HTTPConnection | None]:
        try:
            if connection is None:  # a Sluice that was started again may be at another address
                address = urllib.parse.urlsplit(self._sluice.credentials["endpoint"]).netloc
                connection = http.client.HTTPConnection(address, timeout=60)
            connection.request("POST", self._path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException, ValueError):
            if connection is not None:
                connection.close()
            return 0, None
        return answer.status, connection
