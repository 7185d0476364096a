"""What the mesh knows of the obs kind."""

import msgspec

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice.event import Record
from sluice.filters import Match
from sluice.trigger import Trigger, TriggerKind
from sluice_obs.bucket import Bucket
from sluice_obs.pulled import PulledTrigger
from sluice_obs.pushed import PushedTrigger
from sluice_obs.record import Recorder, match_of
from sluice_obs.selection import EVERYTHING
from sluice_obs.settings import ObsSettings
from sluice_obs.shape import shape

TYPE = "OBS"


def build(binding: Binding, settings: ObsSettings) -> Trigger:
    """The trigger of a binding: one that reads the queue, if there is one. The driver is imported here, and only where it is needed."""
    name = settings.name or binding.trigger
    recorder = Recorder(binding.function.split(":")[2], name, settings.key_encoding)
    if not settings.queue_url and not settings.configure:
        return PushedTrigger(settings, recorder)
    try:
        from sluice_obs.bucket_aiobotocore import AiobotocoreBucket
        from sluice_obs.queue_aiobotocore import AiobotocoreQueue
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the obs kind needs {missing.name}: pip install "sluice[obs]"') from missing

    queue = AiobotocoreQueue(settings)

    async def target() -> str:
        return settings.target_arn or await queue.arn()

    bucket: Bucket | None = AiobotocoreBucket(settings, name, target) if settings.configure else None
    return PulledTrigger(settings, queue, recorder, bucket) if settings.queue_url else PushedTrigger(settings, recorder, bucket)


def source_of(settings: ObsSettings) -> str:
    """The bucket, and the queue through which it is heard; there are no positions, but ids of records count within it."""
    return f"{settings.bucket} {settings.queue_url}"


def selects(settings: ObsSettings) -> Match:
    return match_of(settings.bucket, settings.selection)


def rivals(settings: ObsSettings, others: ObsSettings) -> bool:
    """One thing that happens to an object of a bucket is for one trigger of a project."""
    return settings.selection.overlaps(others.selection)


def sample(settings: ObsSettings) -> Record:
    """An object as the settings want it."""
    event = min(settings.selection.events).replace(EVERYTHING, ":Put" if "ObjectCreated:*" in settings.selection.events else ":Delete")
    told = {
        "eventName": event,
        "eventTime": "2026-03-02T00:47:50.352Z",
        "s3": {
            "bucket": {"name": settings.bucket},
            "object": {"key": f"{settings.prefix}sample{settings.suffix}", "size": 11, "eTag": "5eb63bbbe01eeed093cb22bb8f5acdc3"},
        },
    }
    text = msgspec.json.encode({"Records": [told]})
    (record,) = Recorder("local-1", settings.name or "sample", "raw").records(text, 0)
    return record


KIND = TriggerKind(
    name="obs",
    types=(TYPE,),
    settings=ObsSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    pushed=True,
    fixed=frozenset({TYPE}),
    sample=sample,
    selects=selects,
    lasting=frozenset({"bucket"}),
    contested=lambda settings: settings.bucket,
    rivals=rivals,
)
