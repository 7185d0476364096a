"""Finds out where a partition begins: asks the ledger's claim, the group, and the settings, in this order."""

from collections.abc import Mapping

from sluice.ledger import Claim
from sluice_kafka.broker import Broker, Place
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.start import Known, known_by


class Beginning:
    """Remembers which topics are known, because a partition that appears later is read from its earliest record."""

    def __init__(self, settings: KafkaSettings, broker: Broker) -> None:
        self._settings = settings
        self._broker = broker
        self._known: set[str] = set()

    async def of(self, claims: Mapping[Place, Claim]) -> dict[Place, int]:
        """The offset to read first, for each of the partitions that were just claimed."""
        self._known.update(place.topic for place, claim in claims.items() if claim.position is not None)
        starts = {place: await self._start(place, claim) for place, claim in claims.items()}
        await self._tell_group({place.topic for place in claims} - self._known, starts)
        self._known.update(place.topic for place in claims)
        return starts

    async def _start(self, place: Place, claim: Claim) -> int:
        # What the group knows of a topic made anew may still be of the old one: it was committed a moment too late.
        ask = claim.position is None and not self._broker.made_anew(place.topic)
        committed = await self._broker.committed(place) if ask else None
        sibling = claim.position is None and committed is None and await self._sibling_known(place.topic)
        match known_by(claim.position, committed, sibling):
            case Known.LEDGER:
                return int(claim.position or 0)
            case Known.GROUP:
                return committed or 0
            case Known.SIBLING:
                return (await self._broker.bounds(place))[0]
            case Known.NOTHING:
                return await self._first(place)

    async def _sibling_known(self, topic: str) -> bool:
        if topic in self._known or self._broker.made_anew(topic):
            return True
        for place in self._broker.partitions(topic):
            if await self._broker.committed(place) is not None:
                return True
        return False

    async def _first(self, place: Place) -> int:
        earliest, end = await self._broker.bounds(place)
        if self._settings.start_position == "timestamp":
            found = await self._broker.at_time(place, self._settings.start_timestamp)
            return end if found is None else found
        return earliest if self._settings.start_position == "earliest" else end

    async def _tell_group(self, topics: set[str], starts: Mapping[Place, int]) -> None:
        """On a topic's first start, commit where all its partitions begin: a member that gets one of them a moment later must not take
        it for a new partition."""
        offsets = {}
        for topic in topics:
            if not await self._sibling_known(topic):
                for place in self._broker.partitions(topic):
                    offsets[place] = starts[place] if place in starts else await self._first(place)
        if offsets:
            await self._broker.commit(offsets)
