"""How a stream is paced. One set of figures for all streams; a test makes time pass faster with its own."""

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """`events` and `size` close a message; what comes in quick succession is gathered for `gather_s` or until a message is full.

    Each end says something every `beat_s`; after `beats` of these without a word the other end counts as gone. Beats are counted rather
    than seconds, because a process that was itself stopped must not blame its peer.
    """

    events: int = 64
    size: int = 1024 * 1024
    gather_s: float = 0.002
    beat_s: float = 1.0
    beats: int = 4
    window_events: int = 1024
    window_size: int = 32 * 1024 * 1024
    """Of both, one trigger alone may use half."""
    patience_s: float = 5.0
    """How long a call waits for a peer that cannot be reached before it is answered with that."""
    keep_s: float = 900.0
    """How long a runner keeps results that nobody asks for, and a dispatcher waits for a runner it has lost."""
