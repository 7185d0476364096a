"""The operations on asynchronous settings and on asynchronous invocations."""

from typing import Any

from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice.event import id_bytes
from sluice.ledger import Records, Story, StoryFilter
from sluice_control import async_answers as answers
from sluice_control.asgi import Call, Operation, json, nothing
from sluice_control.bodies import AsyncConfig, Cancel
from sluice_control.fss import Refused
from sluice_control.keeper import Keeper
from sluice_control.resources.async_rules import AsyncSettings, find
from sluice_control.resources.targets import Target, target
from sluice_control.times import read

STATES = ("WAIT", "RUNNING", "SUCCESS", "FAIL", "DISCARD")
_ACTIVE = ("RUNNING", "WAIT")
_PERIOD = ("status", "query_begin_time", "query_end_time", "marker", "limit")
_HOUR_S = 3600.0


class AsyncApi:
    def __init__(self, control: Keeper, records: Records) -> None:
        self._control = control
        self._records = records
        self._settings = AsyncSettings(control.region, control.now_ms)

    def operations(self) -> list[Operation]:
        one = "/v2/{project_id}/fgs/functions/{function_urn}"
        return [
            Operation("show_function_async_invoke_config", "GET", one + "/async-invoke-config", "read", self.show_config),
            Operation("update_function_async_invoke_config", "PUT", one + "/async-invoke-config", "write", self.put_config, AsyncConfig),
            Operation("delete_function_async_invoke_config", "DELETE", one + "/async-invoke-config", "write", self.delete_config),
            Operation(
                "list_function_async_invoke_config",
                "GET",
                one + "/async-invoke-configs",
                "read",
                self.list_configs,
                query=("marker", "limit"),
            ),
            Operation(
                "list_async_invocations", "GET", one + "/async-invocations", "read", self.list_invocations, query=("request_id", *_PERIOD)
            ),
            Operation(
                "list_active_async_invocations",
                "GET",
                one + "/active-async-invocations",
                "read",
                self.list_active,
                query=("requests", *_PERIOD),
            ),
            Operation("cancel_async_invocation", "POST", one + "/cancel", "write", self.cancel, Cancel),
        ]

    async def show_config(self, call: Call) -> Response:
        return json(answers.async_config(find(self._control.view, self._target(call)), self._control.region))

    async def put_config(self, call: Call) -> Response:
        body = call.decode(AsyncConfig)
        row = await self._control.change(self._settings.put(self._target(call), body))
        return json(answers.async_config(row, self._control.region))

    async def delete_config(self, call: Call) -> Response:
        await self._control.change(self._settings.delete(self._target(call)))
        return nothing()

    async def list_configs(self, call: Call) -> Response:
        marker, limit = call.number("marker", 0, 2**62), call.number("limit", 100, 500)
        rows = self._control.view.async_rows(self._target(call).function(self._control.view))
        shown = [answers.async_config(row, self._control.region) for row in rows[marker : marker + limit]]
        page = {"next_marker": marker + len(shown), "previous_marker": marker, "current_count": len(shown)}
        return json({"async_invoke_configs": shown, "count": len(rows), "page_info": page})

    async def list_invocations(self, call: Call) -> Response:
        """Newest first. Those of the whole function, whatever its version."""
        function, state = self._function(call), _state(call)
        if call.query("request_id"):
            return json(_these(await self._named(call, function, [call.query("request_id")])))
        return json(await self._listed(call, function, (state,) if state else ()))

    async def list_active(self, call: Call) -> Response:
        function, state = self._function(call), _state(call)
        if call.query("requests"):
            named = await self._named(call, function, call.query("requests").split(",")[:10])
            return json(_these([story for story in named if story.state in _ACTIVE]))
        if state and state not in _ACTIVE:
            return json(_these([]))
        return json(await self._listed(call, function, (state,) if state else _ACTIVE))

    async def cancel(self, call: Call) -> Response:
        """FunctionGraph's `recursive` means what a plain cancel does: which invocation made which is not known."""
        body = call.decode(Cancel)
        if body.type not in ("", "recursive", "force"):
            raise Invalid([Fault("type", "is recursive or force")])
        stories = await self._named(call, self._function(call), [body.request_id])
        if not stories or not await self._records.cancel(call.project, stories[0].id, force=body.type == "force"):
            raise Refused("FSS.0400", "Invalid RequestId: there is no such invocation, or it has ended.")
        return Response(status_code=200)

    async def _listed(self, call: Call, function: str, states: tuple[str, ...]) -> dict[str, Any]:
        marker, limit = call.number("marker", 0, 2**62), call.number("limit", 100, 500)
        since = read("query_begin_time", call.query("query_begin_time") or str(self._control.clock.time() - _HOUR_S))
        until = read("query_end_time", call.query("query_end_time") or "0")
        page = await self._records.recent(StoryFilter(call.project, function, states, since, until), limit, marker)
        return _page(page.stories, page.total, marker)

    async def _named(self, call: Call, function: str, texts: list[str]) -> list[Story]:
        found = [await self._records.explain(call.project, event_named(text)) for text in texts]
        return [story for story in found if story and story.route.function.startswith(f"{function}:")]

    def _function(self, call: Call) -> str:
        wanted = self._target(call)
        wanted.function(self._control.view)
        return wanted.urn.function

    def _target(self, call: Call) -> Target:
        return target(call.path("function_urn"), self._control.region, call.project)


def event_named(text: str) -> bytes:
    """Raises Invalid (FSS.0400)."""
    try:
        return id_bytes(text.strip())
    except ValueError:
        raise Invalid([Fault("", f"Invalid RequestId: {text[:64]!r}")]) from None


def _state(call: Call) -> str:
    state = call.query("status")
    if state and state not in STATES:
        raise Invalid([Fault("status", f"is {state[:20]!r}, and is one of {', '.join(STATES)}")], "FSS.1001")
    return state


def _these(stories: list[Story]) -> dict[str, Any]:
    return _page(stories, len(stories), 0)


def _page(stories: list[Story], total: int, marker: int) -> dict[str, Any]:
    return {"invocations": list(map(answers.invocation, stories)), "count": total, "next_marker": marker + len(stories)}
