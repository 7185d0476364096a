"""What a trigger wants to hear of a bucket: which events, of which keys. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sluice.errors import Fault

PREFIX = "s3:"
EVERYTHING = ":*"
_MEMBERS = {
    "ObjectCreated": ("Put", "Post", "Copy", "CompleteMultipartUpload"),
    "ObjectRemoved": ("Delete", "DeleteMarkerCreated"),
}
KNOWN = tuple(f"{family}:{member}" for family, members in _MEMBERS.items() for member in ("*", *members))
_SHORT = {name.partition(":")[2]: name for name in KNOWN if not name.endswith(EVERYTHING)} | {
    family: family + EVERYTHING for family in _MEMBERS
}


def canonical(event: str) -> str:
    """The one way to write an event, `ObjectCreated:Put`; "" for one that is not known. It may be written with `s3:` before it, and short:
    `Put`, or `ObjectCreated` for all of them."""
    name = event.removeprefix(PREFIX)
    return name if name in KNOWN else _SHORT.get(name, "")


def event_faults(events: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with the events that somebody wrote."""
    if not events:
        yield Fault("events", "names at least one event")
    seen: set[str] = set()
    for event in events:
        name = canonical(event)
        if not name:
            yield Fault("events", f"{event[:60]!r} is none of {', '.join(PREFIX + known for known in KNOWN)}")
        elif name in seen:
            yield Fault("events", f"{PREFIX}{name} is there twice")
        seen.add(name)
    yield from _excluded(seen)


def _excluded(names: Iterable[str]) -> Iterator[Fault]:
    wide = {name.removesuffix(EVERYTHING) for name in names if name.endswith(EVERYTHING)}
    for name in sorted(names):
        if not name.endswith(EVERYTHING) and name.partition(":")[0] in wide:
            family = name.partition(":")[0]
            yield Fault("events", f"{PREFIX}{family}:* is all of them, and leaves no place for {PREFIX}{name}")


class Selection(NamedTuple):
    """Canonical names of events, and how a key begins and ends."""

    events: frozenset[str]
    prefix: bytes = b""
    suffix: bytes = b""

    def misses(self, event: str, key: bytes) -> str:
        """The setting that leaves out an event of a key; "" if none does."""
        if event not in self.events and event.partition(":")[0] + EVERYTHING not in self.events:
            return "events"
        if not key.startswith(self.prefix):
            return "prefix"
        return "" if key.endswith(self.suffix) else "suffix"

    def overlaps(self, other: "Selection") -> bool:
        """Whether one event of one key could be wanted by both."""
        return (
            any(_share(one, another) for one in self.events for another in other.events)
            and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))
            and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))
        )


def _share(one: str, other: str) -> bool:
    if one == other:
        return True
    family, _, member = one.partition(":")
    return other.partition(":")[0] == family and "*" in (member, other.partition(":")[2])
