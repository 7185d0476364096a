"""What a partition is called in the ledger; pure.

A topic that was deleted and made anew begins at offset 0 again: its id makes it another source, with positions and event ids of its own.
"""


def source_name(topic: str, partition: int, topic_id: str = "") -> str:
    """`orders#1a2B3c4d/0`, or `orders/0` where the cluster gives no ids. Neither `#` nor `/` is in the name of a topic."""
    return f"{topic}#{topic_id}/{partition}" if topic_id else f"{topic}/{partition}"


def topic_of(source: str) -> str:
    return source.rpartition("/")[0].partition("#")[0]


def partition_of(source: str) -> int:
    return int(source.rpartition("/")[2])
