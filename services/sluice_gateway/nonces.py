"""Nonces that were seen: where they are required, a signed request is taken once."""

from collections import OrderedDict

from sluice.errors import SluiceError, Unavailable

HEADER = b"x-sluice-nonce"
SHORTEST, LONGEST = 16, 128
MOST = 262_144


class NonceRefused(SluiceError):
    """There is none, it is not a signed header, it cannot be one, or it was used before."""


class Nonces:
    """Remembers the nonces of verified requests for as long as their dates are accepted, `most` at once. A request from before `since`
    is refused, because what came before that is not remembered. Times are seconds since the epoch."""

    def __init__(self, window_s: float, since: float, most: int = MOST) -> None:
        self._window_s = window_s
        self._since = since
        self._most = most
        self._until: OrderedDict[tuple[str, bytes], float] = OrderedDict()

    def take(self, access_key: str, nonce: bytes, at: float, now: float) -> None:
        """Raises NonceRefused, and Unavailable while too many are remembered: forgetting one would let it be used again."""
        if not SHORTEST <= len(nonce) <= LONGEST:
            raise NonceRefused(f"X-Sluice-Nonce must be a signed header of {SHORTEST} to {LONGEST} characters")
        if at < int(self._since):
            raise NonceRefused("the request is older than this gateway's memory of nonces; sign it again")
        self._forget(now)
        if (access_key, nonce) in self._until:
            raise NonceRefused("the nonce was used before")
        if len(self._until) >= self._most:
            raise Unavailable("too many nonces are remembered", self._until[next(iter(self._until))] - now)
        self._until[access_key, nonce] = now + 2 * self._window_s

    def _forget(self, now: float) -> None:
        # In the order in which they came, and each is kept equally long: so the first is the first to go.
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
