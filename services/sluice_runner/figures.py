"""What the runner exports: its instances by state."""

from collections import Counter
from collections.abc import Callable, Iterable

from sluice.metrics import INSTANCES, Sample
from sluice.runner import InstanceState

STATES = ("starting", "ready", "draining")


def samples(instances: Callable[[], Iterable[InstanceState]]) -> Callable[[], list[Sample]]:
    """A source for the exposition. Every state is always there, so that a zero is told from silence."""

    def now() -> list[Sample]:
        counted = Counter(instance.state for instance in instances())
        return [(INSTANCES, (state,), counted[state]) for state in STATES]

    return now
