"""Where a source is reached: `host:port`, several separated by commas, tried in turn."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from sluice.errors import Fault, SourceLost

T = TypeVar("T")

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


def address_faults(field: str, text: str) -> Iterator[Fault]:
    """What is wrong with the text of a field that holds addresses."""
    for address in text.split(","):
        found = _ADDRESS.fullmatch(address.strip())
        if not found or not 0 < int(found[2]) < 65536:
            yield Fault(field, f"{address.strip()[:80]!r} is not host:port")


def addresses(text: str) -> list[tuple[str, int]]:
    """Host, without brackets, and port of each, as written but for spaces; of a text without faults."""
    pairs = [address.strip().rpartition(":") for address in text.split(",")]
    return [(host.strip("[]"), int(port)) for host, _, port in pairs]


async def first_that_answers(servers: Iterable[tuple[str, int]], connect: Callable[[str, int], Awaitable[T]]) -> T:
    """What `connect` gives for the first server that it can reach. A refusal of one is a refusal; raises SourceLost of the last when
    none can be reached."""
    lost = SourceLost("no server is known")
    for host, port in servers:
        try:
            return await connect(host, port)
        except TimeoutError:
            lost = SourceLost(f"{host}:{port} does not answer")
        except SourceLost as gone:
            lost = gone
    raise lost
