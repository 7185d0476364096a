"""What `sluice doctor` asks beside control: the services of a mesh and the addresses that they listen on."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from sluice.errors import SluiceError
from sluice.status import Check, Status
from sluice.wire.address import is_local

Doctor = Callable[[], Awaitable[Sequence[Check]]]
"""Looks at everything beside control."""


async def asked(service: str, status: Status) -> list[Check]:
    """That a service answers, and what it says of itself; a dead one is a fault and says nothing."""
    try:
        found = await status.checks()
    except SluiceError as error:
        return [Check(service, False, f"does not answer: {error}")]
    return [Check(service, True, "answers"), *found]


def connected(reached: Mapping[str, int], needed: Iterable[str]) -> list[Check]:
    """Whether the services that follow the catalog and cannot be asked are there; pure. `reached` has those that are, by name."""
    return [_connected(service, reached.get(service)) for service in sorted(needed)]


def _connected(service: str, generation: int | None) -> Check:
    if generation is None:
        return Check(service, False, "is not connected: is it running?")
    return Check(service, True, f"at generation {generation}")


def listening(addresses: Mapping[str, str]) -> Check:
    """Whether other machines reach any of the addresses (by who listens there); pure."""
    exposed = [who for who, address in addresses.items() if not is_local(address)]
    told = ", ".join(f"{who} on {address}" for who, address in addresses.items())
    return Check("listening", not exposed, told + (f"; other machines reach: {', '.join(exposed)}" if exposed else ""))


def kinds(names: Iterable[str]) -> Check:
    return Check("kinds", True, ", ".join(sorted(set(names))))
