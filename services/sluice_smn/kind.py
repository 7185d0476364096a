"""What the mesh knows of the smn kind."""

from collections.abc import Sequence
from typing import Any

from sluice.binding import Binding, Ordering
from sluice.errors import ConfigurationError
from sluice.event import Record
from sluice.push import Doors
from sluice.trigger import Trigger, TriggerKind
from sluice_smn.notice import Notice
from sluice_smn.settings import SmnSettings
from sluice_smn.shape import shape


def build(binding: Binding, settings: SmnSettings) -> Trigger:
    """The trigger of a binding. The driver is imported here, so that settings can be checked where it is not installed."""
    try:
        from sluice_smn.web_aiohttp import AiohttpWeb
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the smn kind needs {missing.name}: pip install "sluice[smn]"') from missing
    from sluice_smn.trigger import SmnTrigger

    return SmnTrigger(settings, AiohttpWeb(settings.endpoint_url, settings.tls_ca), binding.trigger)


def source_of(settings: SmnSettings) -> str:
    """The topic; there are no positions, but ids of messages count within it."""
    return settings.topic_urn


def sample(settings: SmnSettings) -> Record:
    return Notice(id="0", message=b'{"hello":"world"}', time_ms=0, subject="sample").record(settings.topic_urn)


def rpcs(doors: Doors) -> Sequence[Any]:
    from sluice_smn.topics_server import TopicsService

    return [TopicsService(doors)]


KIND = TriggerKind(
    name="smn",
    types=("SMN",),
    settings=SmnSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    replayable=False,
    pushed=True,
    orderings=(Ordering.NONE, Ordering.SOURCE),
    rpcs=rpcs,
    fixed=frozenset({"SMN"}),
    sample=sample,
)
