"""What the mesh knows of the rabbitmq kind."""

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_rabbitmq.settings import RabbitSettings
from sluice_rabbitmq.shape import shape


def build(binding: Binding, settings: RabbitSettings) -> Trigger:
    """The trigger of a binding. The driver is imported here, so that settings can be checked where it is not installed."""
    try:
        from sluice_rabbitmq.queue_pika import PikaQueue
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the rabbitmq kind needs {missing.name}: pip install "sluice[rabbitmq]"') from missing
    from sluice_rabbitmq.trigger import RabbitTrigger

    name = settings.queue_name or f"sluice-{binding.trigger}"
    return RabbitTrigger(settings, PikaQueue(settings, name), name)


def source_of(settings: RabbitSettings) -> str:
    """The queue; there are no positions, but ids of messages count within it."""
    servers = ",".join(sorted(f"{host}:{port}" for host, port in settings.servers))
    return f"{servers} {settings.vhost} {settings.queue_name} {settings.exchange_name}"


def sample(settings: RabbitSettings) -> Record:
    return Record(b'{"hello":"world"}', settings.queue_name or "sluice-trigger", "1-1", 0)


KIND = TriggerKind(
    name="rabbitmq",
    types=("RABBITMQ",),
    settings=RabbitSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    sample=sample,
)
