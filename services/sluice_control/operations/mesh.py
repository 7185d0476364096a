"""`/sluice/v1`: what FunctionGraph's API has no word for. States and counts, stories of events, dead events, logs, keys."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse

from sluice.binding import TriggerStatus
from sluice.catalog import FunctionGone, Health
from sluice.errors import Fault, Invalid
from sluice.event import id_text
from sluice.ledger import Counts, DeadFilter, Records
from sluice.outcome import FailureKind
from sluice.runner import Logs
from sluice.status import Check
from sluice_control import mesh_answers as answers
from sluice_control.asgi import Call, Operation, json, lines
from sluice_control.bodies import DeadSelection, Redrive
from sluice_control.doctor import Doctor
from sluice_control.fss import Refused
from sluice_control.keeper import Keeper
from sluice_control.operations.asynchronous import event_named
from sluice_control.registry import TriggerRow
from sluice_control.resources.targets import target
from sluice_control.times import read

_BASE = "/sluice/v1/{project_id}"
_DEAD = ("trigger", "function", "failure", "since", "until", "after", "limit", "body")
_PAGE = 100
_MOST = 1000
_MOST_REDRIVEN = 1_000_000


class MeshApi:
    def __init__(self, control: Keeper, records: Records, logs: Logs, doctor: Doctor) -> None:
        self._control = control
        self._records = records
        self._logs = logs
        self._doctor = doctor

    def operations(self) -> list[Operation]:
        return [
            Operation("list_triggers", "GET", _BASE + "/triggers", "read", self.triggers, query=("function", "after", "limit")),
            Operation("explain_event", "GET", _BASE + "/events/{event_id}", "read", self.explain),
            Operation("list_dead_events", "GET", _BASE + "/dead", "read", self.dead, query=_DEAD),
            Operation("redrive_dead_events", "POST", _BASE + "/dead/redrive", "write", self.redrive, Redrive),
            Operation("purge_dead_events", "POST", _BASE + "/dead/purge", "write", self.purge, DeadSelection),
            Operation("read_logs", "GET", _BASE + "/functions/{function_urn}/logs", "read", self.logs, query=("since", "limit", "follow")),
            Operation("tail_events", "GET", _BASE + "/tail", "read", self.tail),
            Operation("list_instances", "GET", _BASE + "/instances", "read", self.instances),
            Operation("download_code", "GET", _BASE + "/code/{digest}", "read", self.code),
            Operation("check_mesh", "GET", _BASE + "/doctor", "read", self.doctor),
        ]

    async def triggers(self, call: Call) -> Response:
        counts = await self._records.counts(call.project)
        limit = call.number("limit", _MOST, 10_000)
        rows = self._rows(call, limit)
        shown = [self._trigger(row, counts) for row in rows]
        return json({"triggers": shown, "next": rows[-1].id if len(rows) == limit else ""})

    def _rows(self, call: Call, limit: int) -> list[TriggerRow]:
        view, after = self._control.view, call.query("after")
        if call.query("function"):
            wanted = target(call.query("function"), self._control.region, call.project)
            rows = view.triggers(wanted.function(view))
            return [row for row in rows if not wanted.explicit or row.qualifier == wanted.urn.qualifier]
        return view.project_triggers(call.project, after, limit)

    def _trigger(self, row: TriggerRow, counts: dict[str, Counts]) -> dict[str, Any]:
        health = self._control.health.of(row.id, self._control.clock.time())
        if row.status is TriggerStatus.DISABLED:
            health = Health(row.id, "", "paused", "", health.lag)
        return answers.trigger(row, self._control.region, health, counts.get(row.id, Counts()))

    async def explain(self, call: Call) -> Response:
        story = await self._records.explain(call.project, event_named(call.path("event_id")))
        if story is None:
            raise Refused("FSS.0404", "No such event is known: ends are kept for a day or a million events, failed ones for 14 days.")
        return json(answers.story(story))

    async def dead(self, call: Call) -> Response:
        which, with_body = self._filter(call, _selection(call)), call.flag("body")
        limit = call.number("limit", _PAGE, _MOST)
        letters = await self._records.dead(which, call.number("after", 0, 2**62), limit)
        shown = [answers.dead(letter, with_body) for letter in letters]
        return json({"dead": shown, "next": letters[-1].sequence if len(letters) == limit else 0})

    async def redrive(self, call: Call) -> Response:
        body = call.decode(Redrive)
        if not 1 <= body.limit <= _MOST_REDRIVEN:
            raise Invalid([Fault("limit", f"is {str(body.limit)[:20]}, and is from 1 to {_MOST_REDRIVEN}")])
        events = await self._records.redrive(self._filter(call, body), body.limit, body.dry_run)
        return json({"events": [id_text(event) for event in events], "count": len(events)})

    async def purge(self, call: Call) -> Response:
        return json({"count": await self._records.purge(self._filter(call, call.decode(DeadSelection)))})

    def _filter(self, call: Call, body: DeadSelection) -> DeadFilter:
        """Always of the caller's project; a function is named in any of its forms."""
        known = [kind.value for kind in FailureKind]
        if body.failure and body.failure not in known:
            raise Invalid([Fault("failure", f"is {body.failure[:40]!r}, and is one of {', '.join(known)}")])
        return DeadFilter(
            project=call.project,
            trigger=body.trigger,
            function=self._function(body.function, call.project) if body.function else "",
            failure=body.failure,
            ids=tuple(map(event_named, body.ids)),
            since=body.since,
            until=body.until,
        )

    def _function(self, text: str, project: str) -> str:
        """The full URN, with a qualifier only if one was written. The function may be gone; its dead events and logs are not."""
        wanted = target(text, self._control.region, project)
        return str(wanted.urn) if wanted.explicit else wanted.urn.function

    async def logs(self, call: Call) -> Response:
        function = self._function(call.path("function_urn"), call.project)
        since = read("since", call.query("since") or "0")
        limit = call.number("limit", _MOST, 100_000)
        found = self._logs.logs(function, since=since, limit=limit, follow=call.flag("follow"))
        return lines(found, answers.log_line)

    async def tail(self, call: Call) -> Response:
        return lines(self._records.tail(call.project), answers.story)

    async def instances(self, call: Call) -> Response:
        return json({"instances": await self._logs.instances(call.project)})

    async def code(self, call: Call) -> Response:
        digest = call.path("digest")
        if not self._control.view.has_digest(call.project, digest):
            raise Refused("FSS.0404")
        return StreamingResponse(await _begun(self._control.code(digest)), media_type="application/zip")

    async def doctor(self, call: Call) -> Response:
        """It tells of everybody's events, of the disk and of all services: so only to the first project."""
        if call.project != self._control.project:
            raise Refused("FSS.0403", "The mesh is the business of the first project.")
        checks = [*await self._doctor(), *self._own_checks()]
        return json({"checks": checks})

    def _own_checks(self) -> list[Check]:
        generation, services = self._control.view.generation(), self._control.watchers.services()
        behind = {name: reached for name, reached in services.items() if reached < generation}
        told = ", ".join(f"{name} at {reached}" for name, reached in sorted((behind or services).items())) or "none"
        return [Check("registry", True, f"generation {generation}"), Check("watchers", not behind, told)]


def _selection(call: Call) -> DeadSelection:
    return DeadSelection(
        trigger=call.query("trigger"),
        function=call.query("function"),
        failure=call.query("failure"),
        since=read("since", call.query("since") or "0"),
        until=read("until", call.query("until") or "0"),
    )


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks, once the first is there: a package that is missing is an answer and not a broken stream."""
    try:
        first = await anext(chunks)
    except (FunctionGone, StopAsyncIteration):
        raise Refused("FSS.0404") from None

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return all_of_them()
