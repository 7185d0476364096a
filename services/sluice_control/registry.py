"""The registry's port: what control keeps, and the two ways to reach it.

A view reads; a change is one transaction that bumps one generation and tells what it touched. One writer; readers never wait for it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import msgspec

from sluice.binding import Mode, TriggerStatus
from sluice.trigger_options import TriggerOptions
from sluice.urn import Urn
from sluice_control.bodies import AsyncConfig, FunctionSettings, ReservedInstances, VersionStrategy

T = TypeVar("T")


class FunctionRow(msgspec.Struct, frozen=True):
    """A function with all its versions. `id` is never used twice."""

    id: int
    project: str
    package: str
    name: str
    created_ms: int

    def urn(self, region: str, qualifier: str) -> Urn:
        return Urn(region, self.project, self.package, self.name, qualifier)


class VersionRow(msgspec.Struct, frozen=True):
    """One version. `generation` is the catalog's when what its instances run last changed; `published_from` is that of `latest` when
    this version was published from it. `sealed` holds encrypted_user_data. `asynchronous` is read with it and written by `put_async`."""

    function: FunctionRow
    name: str
    generation: int
    modified_ms: int
    settings: FunctionSettings
    digest: str = ""
    code_size: int = 0
    image_name: str = ""
    description: str = ""
    sealed: bytes = b""
    published_from: int = 0
    asynchronous: AsyncConfig | None = None


class AliasRow(msgspec.Struct, frozen=True):
    """One alias. `additional` gets `weight` percent of the events, or those that `strategy` sends there. `asynchronous` is read with it
    and written by `put_async`."""

    function: FunctionRow
    name: str
    version: str
    modified_ms: int
    additional: str = ""
    weight: int = 0
    description: str = ""
    strategy: VersionStrategy | None = None
    asynchronous: AsyncConfig | None = None


class AsyncRow(msgspec.Struct, frozen=True):
    """The asynchronous settings of a version, or of an alias (`!name`)."""

    function: FunctionRow
    qualifier: str
    config: AsyncConfig
    created_ms: int
    modified_ms: int


class TriggerRow(msgspec.Struct, frozen=True):
    """One trigger. `event_data` is what an answer may show; `settings` what the kind gets, without secrets; `sealed` the secrets of both.
    `name` and `route` are there to be found: a timer's name is unique within its version; the route is the method and path of a gateway
    trigger, or what one of another type takes a part of."""

    id: str
    function: FunctionRow
    qualifier: str
    type: str
    kind: str
    status: TriggerStatus
    event_data: bytes
    settings: bytes
    created_ms: int
    modified_ms: int
    sealed: bytes = b""
    name: str = ""
    route: str = ""
    mode: Mode = Mode.ASYNC
    incarnation: str = "1"
    generation: int = 1
    options: TriggerOptions = TriggerOptions()


class EventRow(msgspec.Struct, frozen=True):
    """A test event of a function; `content` is as it was given: JSON in Base64."""

    id: str
    name: str
    content: str
    modified_ms: int


class TagRow(msgspec.Struct, frozen=True):
    """A tag of a function. One of the system's and one of the user's may have the same name."""

    name: str
    value: str
    system: bool = False


class ReservedRow(msgspec.Struct, frozen=True):
    """The reserved instances of a version, or of an alias (`!name`)."""

    function: FunctionRow
    qualifier: str
    config: ReservedInstances
    modified_ms: int


class Quotas(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How much a project may have; None: as much as any (`Limits`)."""

    functions: int | None = None
    triggers: int | None = None
    keys: int | None = None
    code_mb: int | None = None


class ProjectRow(msgspec.Struct, frozen=True):
    """What sees nothing but itself. `name` is as unique as `id`."""

    id: str
    name: str
    created_ms: int
    description: str = ""
    quotas: Quotas = Quotas()


class KeyRow(msgspec.Struct, frozen=True):
    """An access key; its secret is sealed, and so is `sealed_proof`: a temporary key's security token, or the code of an app. It is
    refused from `expires_ms` on (0: never). `triggers` are those that an app may call. `project_name` is read with it."""

    access_key: str
    project: str
    role: str
    sealed: bytes
    created_ms: int
    description: str = ""
    expires_ms: int = 0
    sealed_proof: bytes = b""
    triggers: tuple[str, ...] = ()
    project_name: str = ""


class TraceRow(msgspec.Struct, frozen=True):
    """One line of the audit trail; `trace` is JSON text. `id` grows."""

    id: int
    project: str
    at_ms: int
    trace: str


class View(Protocol):
    """A consistent reading. What is not there is None or empty."""

    def generation(self) -> int: ...
    def project(self) -> str:
        """The project made at first start; its admins are those of the mesh."""
        ...

    def projects(self) -> list[ProjectRow]:
        """By name."""
        ...

    def project_row(self, named: str) -> ProjectRow | None:
        """By id or by name."""
        ...

    def function(self, project: str, package: str, name: str) -> FunctionRow | None: ...
    def count_functions(self, project: str, package: str = "", name_part: str = "") -> int: ...
    def list_functions(self, project: str, package: str, name_part: str, offset: int, limit: int) -> list[VersionRow]:
        """The `latest` versions, by package and name."""
        ...

    def version(self, function: FunctionRow, name: str) -> VersionRow | None: ...
    def versions(self, function: FunctionRow) -> list[VersionRow]: ...
    def alias(self, function: FunctionRow, name: str) -> AliasRow | None: ...
    def aliases(self, function: FunctionRow) -> list[AliasRow]: ...
    def async_row(self, function: FunctionRow, qualifier: str) -> AsyncRow | None: ...
    def async_rows(self, function: FunctionRow) -> list[AsyncRow]: ...
    def test_events(self, function: FunctionRow) -> list[EventRow]:
        """By name."""
        ...

    def functions(self, project: str) -> list[FunctionRow]:
        """All of them, by package and name."""
        ...

    def function_numbered(self, project: str, number: int) -> FunctionRow | None:
        """By its id."""
        ...

    def tags(self, function: FunctionRow) -> list[TagRow]: ...
    def project_tags(self, project: str) -> list[tuple[FunctionRow, TagRow]]:
        """By function; a function without tags is not among them."""
        ...

    def reserved_row(self, function: FunctionRow, qualifier: str) -> ReservedRow | None: ...
    def reserved_rows(self, project: str) -> list[ReservedRow]:
        """By function and qualifier."""
        ...

    def status_log_since(self, project: str) -> int | None:
        """Since when (ms) the project's log of asynchronous states has a name, or None."""
        ...

    def trigger(self, project: str, trigger: str) -> TriggerRow | None: ...
    def triggers(self, function: FunctionRow) -> list[TriggerRow]: ...
    def routed(self, route: str) -> list[TriggerRow]: ...
    def project_triggers(self, project: str, after: str, limit: int) -> list[TriggerRow]:
        """By id."""
        ...

    def count_triggers(self, project: str) -> int: ...
    def kinds_in_use(self) -> frozenset[str]:
        """Of all projects' active triggers."""
        ...

    def keys(self, project: str) -> list[KeyRow]: ...
    def key(self, access_key: str) -> KeyRow | None: ...
    def digests(self) -> frozenset[str]:
        """Of all code packages that a version refers to."""
        ...

    def traces(self, project: str, before: int, limit: int) -> list[TraceRow]:
        """The newest first; `before` is an id, 0 for none."""
        ...

    def projects_with_untold(self) -> list[str]:
        """Those with traces that were not told to triggers."""
        ...

    def untold(self, project: str, limit: int) -> list[TraceRow]:
        """The oldest first."""
        ...

    def code_bytes(self, project: str) -> int: ...
    def has_digest(self, project: str, digest: str) -> bool: ...
    def everything(self) -> Iterator["Noun"]:
        """All that a watcher is told, read as it is taken: versions, aliases, reserved instances, triggers, keys."""
        ...


class Edit(View, Protocol):
    """A change under way; it sees what it has done so far. `generation` is the one it will have."""

    def put_project(self, row: ProjectRow) -> None: ...
    def add_function(self, project: str, package: str, name: str, now_ms: int) -> FunctionRow: ...
    def put_version(self, row: VersionRow) -> None: ...
    def put_alias(self, row: AliasRow) -> None: ...
    def put_async(self, row: AsyncRow) -> None: ...
    def put_test_event(self, function: FunctionRow, row: EventRow) -> None: ...
    def put_tag(self, function: FunctionRow, row: TagRow) -> None: ...
    def put_reserved(self, row: ReservedRow) -> None: ...
    def put_status_log(self, project: str, now_ms: int) -> None: ...
    def put_trigger(self, row: TriggerRow) -> None: ...
    def put_key(self, row: KeyRow) -> None: ...
    def add_trace(self, row: TraceRow) -> None:
        """Its id is given here."""
        ...

    def mark_told(self, project: str, up_to: int) -> None: ...
    def prune_traces(self, before_ms: int, most: int) -> None:
        """Remove what is older, and the oldest beyond so many."""
        ...

    def remove_function(self, function: FunctionRow) -> None:
        """With all that belongs to it."""
        ...

    def remove_version(self, function: FunctionRow, name: str) -> None:
        """With its asynchronous settings and reserved instances; aliases and triggers are removed by themselves."""
        ...

    def remove_alias(self, function: FunctionRow, name: str) -> None:
        """With its reserved instances."""
        ...

    def remove_test_event(self, function: FunctionRow, name: str) -> None: ...
    def remove_tag(self, function: FunctionRow, name: str, *, system: bool) -> None: ...
    def remove_reserved(self, function: FunctionRow, qualifier: str) -> None: ...
    def remove_async(self, function: FunctionRow, qualifier: str) -> None: ...
    def remove_trigger(self, row: TriggerRow) -> None: ...
    def remove_key(self, access_key: str) -> None: ...


Noun = VersionRow | AliasRow | ReservedRow | TriggerRow | KeyRow


class Removed(msgspec.Struct, frozen=True):
    """Something that is no more, by its row as it was."""

    row: Noun


class Commit(msgspec.Struct, frozen=True):
    """What one transaction changed, in an order in which a watcher never sees something point at nothing."""

    generation: int
    touched: Sequence[Noun | Removed]


class StillView(Protocol):
    """A view that stands still while the registry goes on."""

    view: View

    def close(self) -> None: ...


class Registry(Protocol):
    """Where control keeps what it knows; durable when `change` returns."""

    view: View
    """The registry as of the last commit."""

    async def change(self, work: Callable[[Edit], T]) -> T:
        """Run `work` as one transaction, alone. An exception undoes all of it. A change that touched nothing bumps no generation."""
        ...

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """`listener` is called on the event loop for each commit that touched something, in order, even if whoever asked was cancelled."""
        ...

    def snapshot(self) -> StillView: ...
    async def close(self) -> None: ...
