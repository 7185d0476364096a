"""What the mesh knows of the dis kind."""

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_dis.settings import DisSettings
from sluice_dis.shape import BEHIND, shape
from sluice_dis.source import source_name


def build(_binding: Binding, settings: DisSettings) -> Trigger:
    """The trigger of a binding. The driver is imported here, so that settings can be checked where it is not installed."""
    try:
        from sluice_dis.stream_aiobotocore import AiobotocoreStream
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the dis kind needs {missing.name}: pip install "sluice[dis]"') from missing
    from sluice_dis.trigger import DisTrigger

    return DisTrigger(settings, AiobotocoreStream(settings))


def source_of(settings: DisSettings) -> str:
    """The service. A stream names sources of its own, and one that is made anew does too."""
    return f"{settings.endpoint.rstrip('/')} {settings.region}"


def sample(settings: DisSettings) -> Record:
    source = source_name(settings.stream_name, 0, "shardId-000000000000")
    return Record(b'{"hello":"world"}', source, "0", 0, b"key", attributes=((BEHIND, "0"),))


KIND = TriggerKind(
    name="dis",
    types=("DIS",),
    settings=DisSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    sample=sample,
)
