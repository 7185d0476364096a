"""What the services say of the triggers, put together into one line a trigger."""

from collections.abc import Iterable

from sluice.catalog import Health

_WORST_FIRST = ("error", "waiting", "starting", "paused", "running")
_STALE_S = 60.0
"""A report older than this no longer says how the trigger is."""
_PRUNE_EVERY_S = 600.0


class HealthBoard:
    """The last report of each service about each trigger."""

    def __init__(self) -> None:
        self._reports: dict[str, dict[str, Health]] = {}
        self._pruned_at = 0.0

    def __len__(self) -> int:
        """Triggers that something is kept of."""
        return len(self._reports)

    def report(self, health: Iterable[Health], now: float) -> None:
        for one in health:
            stamped = one if one.at else Health(one.trigger, one.service, one.state, one.reason, one.lag, one.held_by, now)
            self._reports.setdefault(one.trigger, {})[one.service] = stamped
        if now - self._pruned_at >= _PRUNE_EVERY_S:
            self._prune(now)

    def _prune(self, now: float) -> None:
        """A report that came after its trigger was removed would stay for ever."""
        self._pruned_at = now
        stale = [trigger for trigger, reports in self._reports.items() if all(now - one.at > _STALE_S for one in reports.values())]
        for trigger in stale:
            del self._reports[trigger]

    def forget(self, trigger: str) -> None:
        self._reports.pop(trigger, None)

    def of(self, trigger: str, now: float) -> Health:
        """The worst state that a service reported lately, its reason, and the largest lag. `unknown` when nothing was."""
        fresh = [one for one in self._reports.get(trigger, {}).values() if now - one.at <= _STALE_S]
        if not fresh:
            return Health(trigger, "", "unknown", "no service reported it in the last minute")
        worst = min(fresh, key=_badness)
        held_by = worst.held_by or next((one.held_by for one in fresh if one.held_by), "")
        return Health(trigger, worst.service, worst.state, worst.reason, max(one.lag for one in fresh), held_by, worst.at)


def _badness(health: Health) -> int:
    return _WORST_FIRST.index(health.state) if health.state in _WORST_FIRST else -1
