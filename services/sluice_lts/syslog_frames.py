"""Where one message ends and the next begins in a stream (RFC 6587). Pure."""

LONGEST = 256 * 1024
"""A message that is longer comes in pieces, where a line feed ends it; where its length is announced, it breaks the stream."""
_DIGITS = 7


class BadFrames(Exception):
    """The stream cannot be read on: nobody knows where the next message begins."""


class Frames:
    """Octet counting (`5 hello`) and line feeds, message by message, for senders mix them."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Raises BadFrames."""
        held, messages, begun = self._held + data, [], 0
        while (found := self._next(held, begun)) is not None:
            message, begun = found
            if message:
                messages.append(message)
        self._held = held[begun:]
        return messages

    def rest(self) -> bytes:
        """What came without its end, once nothing more comes; nothing of a message that announced its length."""
        rest, self._held = self._held, b""
        return b"" if rest[:1].isdigit() else rest

    def _next(self, held: bytes, begun: int) -> tuple[bytes, int] | None:
        return self._counted(held, begun) if b"1" <= held[begun : begun + 1] <= b"9" else self._ended(held, begun)

    def _counted(self, held: bytes, begun: int) -> tuple[bytes, int] | None:
        space = held.find(b" ", begun, begun + _DIGITS + 1)
        count = held[begun : space if space >= 0 else begun + _DIGITS]
        if not count.isdigit() or (space < 0 and len(count) == _DIGITS):
            raise BadFrames(f"{count[:20]!r} is neither a length nor the beginning of a message")
        if space < 0:
            return None
        if int(count) > self._longest:
            raise BadFrames(f"a message of {int(count)} bytes is over {self._longest}")
        end = space + 1 + int(count)
        return (held[space + 1 : end].rstrip(b"\n"), end) if end <= len(held) else None

    def _ended(self, held: bytes, begun: int) -> tuple[bytes, int] | None:
        end = held.find(b"\n", begun, begun + self._longest + 1)
        if end >= 0:
            return held[begun:end], end + 1
        if len(held) - begun > self._longest:
            return held[begun : begun + self._longest], begun + self._longest
        return None
