"""Reserved instances: what may be asked for, and the step that keeps it."""

import re
from collections.abc import Callable, Iterator

from sluice.errors import Fault, Invalid
from sluice.reservation import MOST_INSTANCES, Reservation, ReservedSchedule, ReservedUse
from sluice.schedule import parse
from sluice.urn import LATEST
from sluice_control.bodies import CronConfig, MetricConfig, ReservedInstances
from sluice_control.fss import Refused
from sluice_control.registry import Edit, FunctionRow, ReservedRow
from sluice_control.resources.limits import Limits
from sluice_control.resources.targets import Target

USE = "Concurrency"
"""The only type of metric_configs: how many of the places for calls are taken."""
MOST_TACTICS = 20
"""Of each kind: the clock asks all of them again each second."""
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
_CRON = "tactics_config.cron_configs"
_METRIC = "tactics_config.metric_configs"


class Reserved:
    """Steps on reserved instances. A version keeps them itself or by an alias, never both."""

    def __init__(self, limits: Limits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms

    def put(self, target: Target, config: ReservedInstances) -> Callable[[Edit], ReservedInstances]:
        """Nothing to keep takes the place of what was kept: the row goes."""
        refuse(list(faults(config)))

        def step(edit: Edit) -> ReservedInstances:
            function, qualifier = target.function(edit), target.urn.qualifier
            target.version(edit)
            self._may_keep(edit, function, qualifier, config)
            if config == ReservedInstances(count=0):
                edit.remove_reserved(function, qualifier)
            else:
                edit.put_reserved(ReservedRow(function, qualifier, config, self._now_ms()))
            return config

        return step

    def _may_keep(self, edit: Edit, function: FunctionRow, qualifier: str, config: ReservedInstances) -> None:
        rows = [row for row in edit.reserved_rows(function.project) if (row.function.id, row.qualifier) != (function.id, qualifier)]
        own = {row.qualifier for row in rows if row.function.id == function.id}
        rival = next((name for name in _rivals(edit, function, qualifier) if name in own), "")
        if rival and most(config):
            raise Refused("FSS.0409", f"{rival} is the same version, and has them: a version keeps them itself or by an alias.")
        others = sum(most(row.config) for row in rows)
        if others + most(config) > self._limits.reserved:
            raise Refused("FSS.0403", f"A project keeps at most {self._limits.reserved} reserved instances, and others keep {others}.")


def most(config: ReservedInstances) -> int:
    """The largest number that the configuration promises; more for use is kept only while there is room."""
    tactics = config.tactics_config
    return max([config.count, *(each.count for each in tactics.cron_configs), *(each.min for each in tactics.metric_configs)])


def reservation(row: ReservedRow, region: str) -> Reservation:
    """As the catalog tells it."""
    tactics = row.config.tactics_config
    return Reservation(
        str(row.function.urn(region, row.qualifier)),
        row.config.count,
        tuple(ReservedSchedule(each.cron, each.count, each.start_time, each.expired_time) for each in tactics.cron_configs),
        tuple(ReservedUse(each.threshold, each.min) for each in tactics.metric_configs),
    )


def refuse(found: list[Fault]) -> None:
    if found:
        raise Invalid(found)


def faults(config: ReservedInstances) -> Iterator[Fault]:
    """Everything that is wrong with a configuration."""
    tactics = config.tactics_config
    if not 0 <= config.count <= MOST_INSTANCES:
        yield Fault("count", f"is {config.count}, and goes from 0 to {MOST_INSTANCES}")
    for where, configs in ((_CRON, tactics.cron_configs), (_METRIC, tactics.metric_configs)):
        if len(configs) > MOST_TACTICS:
            yield Fault(where, f"has {len(configs)} items, more than {MOST_TACTICS}")
            return
    for number, schedule in enumerate(tactics.cron_configs):
        yield from _cron_faults(f"{_CRON}[{number}]", schedule, config.count)
    for number, use in enumerate(tactics.metric_configs):
        yield from _metric_faults(f"{_METRIC}[{number}]", use)
    yield from _twice(_CRON, [each.name for each in tactics.cron_configs])
    yield from _twice(_METRIC, [each.name for each in tactics.metric_configs])


def _cron_faults(where: str, schedule: CronConfig, least: int) -> Iterator[Fault]:
    if not _NAME.fullmatch(schedule.name):
        yield _name_fault(where)
    if not least <= schedule.count <= MOST_INSTANCES:
        yield Fault(f"{where}.count", f"is {schedule.count}, and goes from count ({least}) to {MOST_INSTANCES}")
    if not 0 <= schedule.start_time < schedule.expired_time:
        yield Fault(f"{where}.expired_time", "is after start_time, both in seconds since 1970")
    if "CRON_TZ" in schedule.cron:
        yield Fault(f"{where}.cron", "is in UTC and names no zone")
        return
    try:
        parse("Cron", schedule.cron)
    except Invalid as invalid:
        yield Fault(f"{where}.cron", invalid.faults[0].rule)


def _metric_faults(where: str, use: MetricConfig) -> Iterator[Fault]:
    if not _NAME.fullmatch(use.name):
        yield _name_fault(where)
    if use.type != USE:
        yield Fault(f"{where}.type", f"is {use.type[:40]!r}, and is {USE}")
    if not 1 <= use.threshold <= 99:
        yield Fault(f"{where}.threshold", f"is {use.threshold}, and goes from 1 to 99 percent")
    if not 0 <= use.min <= MOST_INSTANCES:
        yield Fault(f"{where}.min", f"is {use.min}, and goes from 0 to {MOST_INSTANCES}")


def _name_fault(where: str) -> Fault:
    return Fault(f"{where}.name", "has 1-60 letters, digits, _ or -, starts with a letter and ends with a letter or digit")


def _twice(where: str, names: list[str]) -> Iterator[Fault]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(where, f"{name[:60]!r} is there more than once")


def _rivals(edit: Edit, function: FunctionRow, qualifier: str) -> list[str]:
    """What else names the same version."""
    if qualifier.startswith("!"):
        alias = edit.alias(function, qualifier[1:])
        return [alias.version if alias else LATEST]
    return [f"!{alias.name}" for alias in edit.aliases(function) if alias.version == qualifier]
