"""What the mesh knows of the lts kind."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sluice.binding import Binding
from sluice.errors import ConfigurationError
from sluice.event import Record
from sluice.readable_files import ReadableFiles
from sluice.settings import Settings
from sluice.trigger import Trigger, TriggerKind
from sluice_lts.log import Log
from sluice_lts.records import record_of
from sluice_lts.settings import LtsSettings
from sluice_lts.shape import BATCH_BYTES, EVENT_BYTES, shape


def build(binding: Binding, settings: LtsSettings, readable: Sequence[Path] = ()) -> Trigger:
    """The trigger of a binding; it may follow files below `readable`. What the extra brings is imported here, so that settings can be
    checked where it is not installed."""
    try:
        from sluice_lts.trigger import LtsTrigger
    except ModuleNotFoundError as missing:
        raise ConfigurationError(f'the lts kind needs {missing.name}: pip install "sluice[lts]"') from missing
    return LtsTrigger(settings, ReadableFiles(readable), has_filter=bool(binding.filter))


def bounded(process: Settings) -> Callable[[Binding, LtsSettings], Trigger]:
    return partial(build, readable=process.readable_directories)


def source_of(settings: LtsSettings) -> str:
    """The stream. A file is a source of its own, so adding one leaves the positions of the others alone."""
    return settings.topic


def sample(settings: LtsSettings) -> Record:
    return record_of("otlp", Log("2026-03-02 [WRN] x", 0, "vm1", "192.0.2.1", "var/log/a.log", "663d-1", 1, severity="WARN"))


KIND = TriggerKind(
    name="lts",
    types=("LTS",),
    settings=LtsSettings,
    shape=shape,
    build=build,
    bounded=bounded,
    source_of=source_of,
    replayable=False,
    pushed=True,
    sample=sample,
    batch_size=1000,
    event_bytes=EVENT_BYTES,
    batch_bytes=BATCH_BYTES,
)
