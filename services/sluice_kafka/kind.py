"""What the mesh knows of the kafka kind."""

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.shape import shape
from sluice_kafka.source import source_name


def build(binding: Binding, settings: KafkaSettings) -> Trigger:
    """The trigger of a binding. The driver is imported here, so that settings can be checked where it is not installed."""
    try:
        from sluice_kafka.broker_aiokafka import AiokafkaBroker
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the kafka kind needs {missing.name}: pip install "sluice[kafka]"') from missing
    from sluice_kafka.trigger import KafkaTrigger

    group = settings.group_id or f"sluice-{binding.trigger}"
    return KafkaTrigger(settings, AiokafkaBroker(settings, group))


def source_of(settings: KafkaSettings) -> str:
    """The cluster. A topic is a source of its own, so adding one leaves the positions of the others alone."""
    return ",".join(sorted(settings.servers))


def sample(settings: KafkaSettings) -> Record:
    event = b'{"id":"1","specversion":"1.0","source":"sample","type":"sample","data":{"hello":"world"}}'
    return Record(event if settings.cloudevents else b'{"hello":"world"}', source_name(settings.topic_ids[0], 0), "0", 0)


KIND = TriggerKind(
    name="kafka",
    types=("KAFKA", "OPENSOURCEKAFKA"),
    settings=KafkaSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    sample=sample,
    created_disabled=frozenset({"KAFKA", "OPENSOURCEKAFKA"}),
)
