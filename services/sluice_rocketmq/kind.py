"""What the mesh knows of the rocketmq kind."""

from sluice.binding import Binding
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_rocketmq.broker_grpc import GrpcBroker
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.shape import shape
from sluice_rocketmq.trigger import RocketTrigger


def build(binding: Binding, settings: RocketSettings) -> Trigger:
    """The trigger of a binding."""
    return RocketTrigger(settings, GrpcBroker(settings, settings.consumer_group or f"sluice-{binding.trigger}"))


def source_of(settings: RocketSettings) -> str:
    """The group and its topics; there are no positions, but ids of messages count within it."""
    servers = ",".join(sorted(f"{host}:{port}" for host, port in settings.servers))
    return f"{servers} {settings.namespace} {settings.consumer_group} {' '.join(sorted(settings.topics))}"


def sample(settings: RocketSettings) -> Record:
    return Record(b'{"hello":"world"}', settings.topics[0], "1-1", 0)


KIND = TriggerKind(
    name="rocketmq",
    types=("ROCKETMQ",),
    settings=RocketSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    sample=sample,
    created_disabled=frozenset({"ROCKETMQ"}),
)
