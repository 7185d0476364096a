"""Asynchronous settings: their ranges, and destinations that never lead back."""

from collections.abc import Callable, Iterator

import msgspec

from sluice.errors import Fault, Invalid, SluiceError
from sluice.function_rules import MAX_AGE, RETRIES
from sluice.urn import Urn, parse
from sluice_control.bodies import AsyncConfig, Destination
from sluice_control.fss import Refused
from sluice_control.registry import AsyncRow, Edit, FunctionRow, View
from sluice_control.resources.targets import Target

_FUNCTION = "FunctionGraph"
_KNOWN = (_FUNCTION, "OBS", "SMN", "DIS", "RocketMQ")
_ENDS = ("on_success", "on_failure")


class _FunctionParam(msgspec.Struct, forbid_unknown_fields=True):
    func_urn: str


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
        for end in _ENDS:
            to: Destination | None = getattr(config.destination_config, end)
            if to is None:
                continue
            field = f"destination_config.{end}"
            if to.destination not in _KNOWN:
                yield Fault(f"{field}.destination", f"is {to.destination[:40]!r}, and is {_FUNCTION} here")
            elif to.destination != _FUNCTION:
                yield Fault(f"{field}.destination", f"{to.destination} is not served here yet; {_FUNCTION} is")
            elif reason := self._param_fault(to, target):
                yield Fault(f"{field}.param", reason)

    def _param_fault(self, to: Destination, target: Target) -> str:
        try:
            self._urn(to, target.urn.project)
        except msgspec.DecodeError:
            return 'is the text of a JSON object {"func_urn": "…"}'
        except SluiceError as error:
            return str(error)
        return ""

    def _urn(self, to: Destination, project: str) -> Urn:
        return parse(msgspec.json.decode(to.param, type=_FunctionParam).func_urn, region=self._region, project=project)

    def _refuse_missing(self, view: View, config: AsyncConfig, target: Target) -> None:
        for end in _ENDS:
            to: Destination | None = getattr(config.destination_config, end)
            if to and not _nodes(view, self._urn(to, target.urn.project), target.urn.project):
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
        for end in _ENDS:
            to: Destination | None = getattr(row.config.destination_config, end) if row else None
            if to:
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
