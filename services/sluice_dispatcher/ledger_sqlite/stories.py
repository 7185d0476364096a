"""Everything the ledger knows of one event, and the newest events of a function."""

import heapq
from collections.abc import Iterable, Iterator

import apsw
import msgspec

from sluice.event import id_text
from sluice.ledger import MOST_COUNTED, Dead, DeadFilter, End, Pending, Route, Step, Story, StoryFilter, StoryPage
from sluice_dispatcher.ledger_sqlite.attempts import steps_of
from sluice_dispatcher.ledger_sqlite.block import ID_BYTES, Unreadable, find_id, sequence_of
from sluice_dispatcher.ledger_sqlite.dead import newest_dead
from sluice_dispatcher.ledger_sqlite.ends import Entry
from sluice_dispatcher.ledger_sqlite.ends import decode as decode_ends
from sluice_dispatcher.ledger_sqlite.reads import PendingReader, UnreadableBlock
from sluice_dispatcher.ledger_sqlite.routes import RouteReader

ROWS_AT_ONCE = 64

_BLOCKS = "SELECT id, ids FROM block WHERE id > ? AND instr(ids, ?) > 0 ORDER BY id LIMIT 1"
_ENDS = "SELECT id, format, ids, detail FROM ends WHERE id > ? AND instr(ids, ?) > 0 ORDER BY id LIMIT 1"
_NEWEST_ENDS = "SELECT id, format, ids, detail, last_at FROM ends WHERE id < ? ORDER BY id DESC LIMIT ?"
_REDRIVE_OF = "SELECT old, at FROM redrive WHERE id = ?"
_REDRIVEN_AT = "SELECT at FROM redrive WHERE id = ?"
_STEPS = "SELECT steps FROM attempt WHERE sequence = ?"
_ABOVE_ALL = 1 << 62


class Stories:
    """Reads; what is asked for here is rare, so it scans rather than costing every event an index."""

    def __init__(self, connection: apsw.Connection, routes: RouteReader, pending: PendingReader) -> None:
        self._connection = connection
        self._routes = routes
        self._pending = pending

    def explain(self, event: bytes, running: frozenset[int]) -> Story | None:
        found = self._open(event, running) or self._dead(event) or self._success(event)
        return None if found is None else self._with_origin(found)

    def recent(self, which: StoryFilter, limit: int, marker: int, running: frozenset[int]) -> StoryPage:
        """Newest first, by the last thing that happened to each."""
        page: list[Story] = []
        total = 0
        for story in self._meant(which, running):
            if marker <= total < marker + limit:
                page.append(story)
            total += 1
            if total >= max(MOST_COUNTED, marker + limit):
                break
        return StoryPage(page, total)

    def _meant(self, which: StoryFilter, running: frozenset[int]) -> Iterator[Story]:
        states, function = which.states, which.function
        kinds: list[Iterable[Story]] = []
        if not states or "WAIT" in states or "RUNNING" in states:
            kinds.append(self._waiting(pending, running) for pending in self._pending.newest(function))
        if not states or End.SUCCESS in states:
            kinds.append(self._successes(function, which.since))
        if not states or End.FAIL in states or End.DISCARD in states:
            kinds.append(self._dead_ones(which.project, function))
        for story in heapq.merge(*kinds, key=lambda story: -story.steps[-1].at):
            if (not states or story.state in states) and story.route.project == which.project and _within(which, story):
                yield story

    def _open(self, event: bytes, running: frozenset[int]) -> Story | None:
        after = 0
        while (row := self._connection.execute(_BLOCKS, (after, event)).get) is not None:
            after, ids = row
            index = find_id(ids, event)
            pending = self._one(sequence_of(after, index)) if index >= 0 else None
            if pending is not None:
                return self._waiting(pending, running)
        return None

    def _one(self, sequence: int) -> Pending | None:
        try:
            return self._pending.one(sequence)
        except UnreadableBlock:
            return None

    def _waiting(self, pending: Pending, running: frozenset[int]) -> Story:
        steps = steps_of(self._connection.execute(_STEPS, (pending.sequence,)).get or b"")
        state = "RUNNING" if pending.sequence in running else "WAIT"
        return Story(pending.event.id, pending.route, state, (Step(pending.accepted_at, "accepted"), *steps))

    def _success(self, event: bytes) -> Story | None:
        after = 0
        while (row := self._connection.execute(_ENDS, (after, event)).get) is not None:
            after, form, ids, detail = row
            index = find_id(ids, event)
            if index >= 0:
                return self._readable(event, form, detail, index)
        return None

    def _readable(self, event: bytes, form: int, detail: bytes, index: int) -> Story | None:
        try:
            return self._succeeded(event, decode_ends(form, detail)[index])
        except (Unreadable, msgspec.DecodeError, IndexError):
            return None

    def _succeeded(self, event: bytes, entry: Entry) -> Story:
        ended = Step(entry.at, "ended", f"SUCCESS in {entry.duration_ms:.1f} ms, status {entry.status}, attempts {entry.attempts}")
        steps = (Step(entry.accepted_at, "accepted"), *steps_of(entry.steps), ended)
        return Story(event, self._routes.route(entry.route), End.SUCCESS, steps)

    def _successes(self, function: str, since: float) -> Iterator[Story]:
        """Those that ended before `since` were accepted before it, too."""
        before = _ABOVE_ALL
        while rows := list(self._connection.execute(_NEWEST_ENDS, (before, ROWS_AT_ONCE))):
            for _, form, ids, detail, last_at in rows:
                if last_at < since:
                    return
                yield from self._of_function(function, form, ids, detail)
            before = rows[-1][0]

    def _of_function(self, function: str, form: int, ids: bytes, detail: bytes) -> Iterator[Story]:
        try:
            entries = decode_ends(form, detail)
        except Unreadable:
            return
        for index in range(len(entries) - 1, -1, -1):
            if _is_of(self._route(entries[index].route), function):
                yield self._succeeded(ids[index * ID_BYTES : (index + 1) * ID_BYTES], entries[index])

    def _route(self, number: int) -> Route | None:
        try:
            return self._routes.route(number)
        except msgspec.DecodeError:
            return None

    def _dead(self, event: bytes) -> Story | None:
        rows = newest_dead(self._connection, self._routes, DeadFilter(ids=(event,)), 1)
        return self._ended(*rows[0]) if rows else None

    def _dead_ones(self, project: str, function: str) -> Iterator[Story]:
        before = _ABOVE_ALL
        while rows := newest_dead(self._connection, self._routes, DeadFilter(project=project, function=function), ROWS_AT_ONCE, before):
            for dead, steps in rows:
                yield self._ended(dead, steps)
            before = rows[-1][0].sequence

    def _ended(self, dead: Dead, steps: bytes) -> Story:
        why = ": ".join(part for part in (dead.failure, dead.message) if part)
        told = [Step(dead.accepted_at, "accepted"), *steps_of(steps), Step(dead.ended_at, "ended", f"{dead.end.value} {why}".rstrip())]
        if dead.redriven:
            at = self._connection.execute(_REDRIVEN_AT, (dead.redriven,)).get
            told.append(Step(at or dead.ended_at, "redriven", f"as {id_text(dead.redriven)}"))
        return Story(dead.event.id, dead.route, dead.end, tuple(told), dead.failure, dead.message, dead.status)

    def _with_origin(self, story: Story) -> Story:
        row = self._connection.execute(_REDRIVE_OF, (story.id,)).get
        if row is None:
            return story
        old, at = row
        return msgspec.structs.replace(story, steps=(Step(at, "redriven", f"of {id_text(old)}"), *story.steps))


def _within(which: StoryFilter, story: Story) -> bool:
    at = accepted_at(story)
    return which.since <= at and (not which.until or at < which.until)


def accepted_at(story: Story) -> float:
    return next((step.at for step in story.steps if step.what == "accepted"), 0.0)


def _is_of(route: Route | None, function: str) -> bool:
    return route is not None and (route.function == function or route.function.startswith(f"{function}:"))
