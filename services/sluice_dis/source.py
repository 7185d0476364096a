"""What a shard is called in the ledger; pure.

A stream that was deleted and made anew has shards of the same names: the time of its making makes them other sources, with positions and
event ids of their own.
"""


def stream_source(stream: str, made_ms: int) -> str:
    """`clicks#1772432000123`: of the stream as a whole. Neither `#` nor `/` is in the name of a stream."""
    return f"{stream}#{made_ms}"


def source_name(stream: str, made_ms: int, shard: str) -> str:
    """`clicks#1772432000123/shardId-000000000000`."""
    return f"{stream_source(stream, made_ms)}/{shard}"


def stream_of(source: str) -> str:
    return source.partition("#")[0]


def shard_of(source: str) -> str:
    return source.rpartition("/")[2]
