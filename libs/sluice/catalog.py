"""The catalog: what control knows and the others need. `Watch` gives it once whole, then every change in order."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import msgspec

from sluice.binding import Binding
from sluice.choice import memory_of, version_of
from sluice.errors import SluiceError
from sluice.function import Alias, Function
from sluice.reservation import Reservation
from sluice.urn import Urn


class Key(msgspec.Struct, frozen=True):
    """An access key. The secret is there only for the services that check signatures."""

    access_key: str
    secret_key: str
    project: str
    role: str = "admin"
    """One of `sluice.identity.RIGHTS`."""
    expires: float = 0.0
    """From when it is refused (seconds since the epoch); 0: never."""
    security_token: str = ""
    """What a temporary key's requests must show as X-Security-Token; "" for a lasting key."""
    app_code: str = ""
    """What an app may show as X-Apig-AppCode instead of signing; "" for what is no app."""
    triggers: tuple[str, ...] = ()
    """The triggers that an app may call; none: all of its project whose auth is APP, and then it may publish to topics too."""
    project_name: str = ""


class Change(msgspec.Struct, frozen=True):
    """One change: exactly one of the nouns, or `removed` with its name, or neither: `synced`, everything up to `generation` was sent.

    `removed` is `binding:<trigger id>`, `function:<urn with version>`, `alias:<urn with !alias>`, `key:<access key>` or
    `reservation:<urn with version or !alias>`.
    """

    generation: int
    binding: Binding | None = None
    function: Function | None = None
    alias: Alias | None = None
    key: Key | None = None
    removed: str = ""
    reservation: Reservation | None = None

    @property
    def synced(self) -> bool:
        return not (self.binding or self.function or self.alias or self.key or self.removed or self.reservation)


class Health(msgspec.Struct, frozen=True):
    """What a service says of one trigger. `state` is `running`, `starting`, `paused`, `waiting` or `error`; `held_by` names what slows it:
    source, ledger, credit, instances, breaker, or ""."""

    trigger: str
    service: str
    state: str
    reason: str = ""
    lag: int = -1
    """Records between the position and the source's end; -1 where it is not known."""
    held_by: str = ""
    at: float = 0.0


class Catalog(Protocol):
    """Control, seen by a service."""

    def watch(self, service: str, kinds: frozenset[str]) -> AsyncIterator[Change]:
        """First everything as it is, then `synced`, then the changes of each commit in order, closed by `synced` again (also when none of
        them was for this service). An empty set of kinds means all, without their secrets: those come to a service that names the
        kind, and those of functions to `dispatcher` and `runner`. Functions and aliases always come; keys only to `gateway`. A process
        that holds all services is `up` and gets everything. `service` may go on after `-` or `@`. Ends with Unavailable when
        control is lost; watch again."""
        ...

    def code(self, digest: str) -> AsyncIterator[bytes]:
        """The zip of a code package in chunks of at most 1 MiB. Raises FunctionGone if it is unknown."""
        ...

    async def report(self, service: str, generation: int, health: list[Health]) -> None:
        """The generation the service has reached, and how its triggers are."""
        ...


class FunctionGone(SluiceError):
    """The function, version, alias or code is not in the catalog."""


class Snapshot:
    """The catalog as one service has received it: look-ups in memory, listeners told of each change."""

    def __init__(self) -> None:
        self.generation = 0
        self.synced = False
        """Whether everything has arrived once: before that, what is missing may merely not have come yet."""
        self.remembered = False
        """Whether all of it is from a file: control may know more, so what is missing is not known to be gone."""
        self.bindings: dict[str, Binding] = {}
        self.functions: dict[str, Function] = {}
        self.aliases: dict[str, Alias] = {}
        self.keys: dict[str, Key] = {}
        self.reservations: dict[str, Reservation] = {}
        self._listeners: list[Callable[[Change], None]] = []

    def listen(self, listener: Callable[[Change], None]) -> None:
        self._listeners.append(listener)

    def apply(self, change: Change) -> None:
        """Take a change in and tell the listeners."""
        if change.binding:
            self.bindings[change.binding.trigger] = change.binding
        if change.function:
            self.functions[change.function.urn] = change.function
        if change.alias:
            self.aliases[change.alias.urn] = change.alias
        if change.key:
            self.keys[change.key.access_key] = change.key
        if change.reservation:
            self.reservations[change.reservation.urn] = change.reservation
        if change.removed:
            self._remove(change.removed)
        self.generation = max(self.generation, change.generation)
        self.synced = self.synced or change.synced
        for listener in self._listeners:
            listener(change)

    def _remove(self, name: str) -> None:
        noun, _, key = name.partition(":")
        tables: dict[str, dict[str, Any]] = {
            "binding": self.bindings,
            "function": self.functions,
            "alias": self.aliases,
            "key": self.keys,
            "reservation": self.reservations,
        }
        tables[noun].pop(key, None)

    def resolve(self, urn: str, event: bytes, choice: str = "", version: str = "") -> Function:
        """The function that an event is run on and judged by. `urn` has a version or `!alias`; `choice` stands beside the event; `version`
        is the URN that an earlier attempt met, kept while it exists. An alias with an additional version splits by a hash of the event's
        id, so that all attempts meet the same one. Raises FunctionGone."""
        function = self.functions.get(version or urn)
        if function is None:
            function = self._behind(urn, event, version_of(choice) if choice else "")
        if function.urn != urn and (alias := self.aliases.get(urn)) and alias.asynchronous:
            own = alias.asynchronous
            function = msgspec.structs.replace(
                function, max_retries=own.max_retries, max_age_s=own.max_age_s, on_success=own.on_success, on_failure=own.on_failure
            )
        memory_mb = memory_of(choice) if choice else 0
        return function.sized(memory_mb) if memory_mb and function.dynamic_memory else function

    def _behind(self, urn: str, event: bytes, chosen: str) -> Function:
        """The version that an alias sends the event to; the chosen one while it exists."""
        function = self.functions.get(urn)
        if function is not None:
            return function
        alias = self.aliases.get(urn)
        if alias is None:
            raise FunctionGone(f"{urn} does not exist")
        base = urn.rpartition(":")[0]
        function = self.functions.get(f"{base}:{chosen}") if chosen else None
        if function is not None:
            return function
        version = alias.version
        if alias.additional and int.from_bytes(event[-4:], "big") % 100 < alias.weight:
            version = alias.additional
        function = self.functions.get(f"{base}:{version}")
        if function is None:
            raise FunctionGone(f"{base}:{version} does not exist, but {urn} points to it")
        return function

    def has_function(self, urn: Urn) -> bool:
        return str(urn) in self.functions or str(urn) in self.aliases
