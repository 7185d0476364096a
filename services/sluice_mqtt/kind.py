"""What the mesh knows of the mqtt kind."""

from sluice.binding import Binding
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_mqtt.broker import Message
from sluice_mqtt.broker_tcp import TcpBroker
from sluice_mqtt.record import Recorder
from sluice_mqtt.settings import MqttSettings
from sluice_mqtt.shape import shape
from sluice_mqtt.trigger import MqttTrigger


def build(binding: Binding, settings: MqttSettings) -> Trigger:
    """The trigger of a binding."""
    filters = settings.filters(binding.trigger)
    return MqttTrigger(settings, {client: TcpBroker(settings, client, filters) for client in settings.sessions(binding.trigger)})


def source_of(settings: MqttSettings) -> str:
    """The servers and what is subscribed to; there are no positions, but ids of messages count within it."""
    servers = ",".join(sorted(f"{host}:{port}" for host, port in settings.servers))
    return f"{servers} {settings.client_id} {settings.share_group} {' '.join(sorted(settings.topics))}"


def sample(settings: MqttSettings) -> Record:
    topic = "/".join("sample" if level in ("+", "#") else level for level in settings.topics[0].split("/"))
    return Recorder(settings, settings.sessions("trigger")[0]).record(Message(1, topic, b'{"hello":"world"}'), 0)


KIND = TriggerKind(
    name="mqtt",
    types=("IOTDA",),
    settings=MqttSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    sample=sample,
)
