"""Asynchronous settings: their ranges, and destinations that never lead back."""

from collections.abc import Callable, Iterator

from sluice.decoding import under
from sluice.destination import ENDS, FUNCTION, faults, read
from sluice.errors import Fault, Invalid, SluiceError
from sluice.function_rules import MAX_AGE, RETRIES
from sluice.urn import Urn, parse
from sluice_control.bodies import AsyncConfig, Destination
from sluice_control.fss import Refused
from sluice_control.registry import AsyncRow, Edit, FunctionRow, View
from sluice_control.resources.targets import Target


class AsyncSettings:
    """Steps on the asynchronous settings of versions and aliases."""

    def __init__(self, region: str, now_ms: Callable[[], int]) -> None:
        self._region = region
        self._now_ms = now_ms

    def put(self, target: Target, config: AsyncConfig) -> Callable[[Edit], AsyncRow]:
        """Checked whole before anything changes: ranges first, then the destinations against what is configured."""
        faults = [*_range_faults(config), *self._destination_faults(config, target)]
        if faults:
            raise Invalid(faults)

        def step(edit: Edit) -> AsyncRow:
            function, qualifier = qualified(edit, target)
            before = edit.async_row(function, qualifier)
            row = AsyncRow(function, qualifier, config, before.created_ms if before else self._now_ms(), self._now_ms())
            edit.put_async(row)
            self._refuse_missing(edit, config, target)
            self._refuse_cycle(edit, function, qualifier)
            return row

        return step

    def delete(self, target: Target) -> Callable[[Edit], None]:
        def step(edit: Edit) -> None:
            row = find(edit, target)
            edit.remove_async(row.function, row.qualifier)

        return step

    def _destination_faults(self, config: AsyncConfig, target: Target) -> Iterator[Fault]:
        for end, to in _destinations(config):
            wrong = list(faults(end, to.destination, to.param))
            if not wrong and to.destination == FUNCTION:
                wrong = list(self._urn_faults(to, target))
            yield from under(f"destination_config.{end}", wrong)

    def _urn_faults(self, to: Destination, target: Target) -> Iterator[Fault]:
        try:
            self._urn(to, target.urn.project)
        except SluiceError as error:
            yield Fault("param", str(error))

    def _urn(self, to: Destination, project: str) -> Urn:
        return parse(str(read(to.param)["func_urn"]), region=self._region, project=project)

    def _refuse_missing(self, view: View, config: AsyncConfig, target: Target) -> None:
        for end, to in _destinations(config):
            if to.destination == FUNCTION and not _nodes(view, self._urn(to, target.urn.project), target.urn.project):
                raise Refused("FSS.1051", f"destination_config.{end}.param: names it.")

    def _refuse_cycle(self, view: View, function: FunctionRow, qualifier: str) -> None:
        """Follow the destinations from here; one that leads back is refused, because an event would go round until its hops are used up."""
        start = (function.id, qualifier)
        waiting, seen = [(function, qualifier)], set[tuple[int, str]]()
        while waiting:
            for after, name in self._next(view, *waiting.pop()):
                if (after.id, name) == start:
                    raise Invalid([Fault("destination_config", f"leads back to this function through {after.name}:{name}")])
                if (after.id, name) not in seen:
                    seen.add((after.id, name))
                    waiting.append((after, name))

    def _next(self, view: View, function: FunctionRow, qualifier: str) -> Iterator[tuple[FunctionRow, str]]:
        row = view.async_row(function, qualifier)
        for _, to in _destinations(row.config) if row else ():
            if to.destination == FUNCTION:
                yield from _nodes(view, self._urn(to, function.project), function.project)


def qualified(view: View, target: Target) -> tuple[FunctionRow, str]:
    """The version or alias whose settings are meant. Raises Refused for one that is not there."""
    row = target.version(view)
    return row.function, row.name if target.urn.alias is None else target.urn.qualifier


def find(view: View, target: Target) -> AsyncRow:
    """Raises Refused (FSS.0404)."""
    row = view.async_row(*qualified(view, target))
    if row is None:
        raise Refused("FSS.0404")
    return row


def _destinations(config: AsyncConfig) -> Iterator[tuple[str, Destination]]:
    """Those that are configured, each with the end that it is told of."""
    for end in ENDS:
        to: Destination | None = getattr(config.destination_config, end)
        if to is not None:
            yield end, to


def _nodes(view: View, urn: Urn, project: str) -> list[tuple[FunctionRow, str]]:
    """Whose settings a destination's events may meet: an alias's own; or those of its version and its additional one."""
    function = view.function(urn.project, urn.package, urn.name) if urn.project == project else None
    if function is None:
        return []
    if urn.alias is None:
        return [(function, urn.qualifier)] if view.version(function, urn.qualifier) else []
    alias = view.alias(function, urn.alias)
    if alias is None:
        return []
    return [(function, urn.qualifier)] if alias.asynchronous else [(function, name) for name in (alias.version, alias.additional) if name]


def _range_faults(config: AsyncConfig) -> Iterator[Fault]:
    yield from MAX_AGE.faults("max_async_event_age_in_seconds", config.max_async_event_age_in_seconds)
    yield from RETRIES.faults("max_async_retry_attempts", config.max_async_retry_attempts)
