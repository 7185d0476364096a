"""What sluice.yaml says, as types. Every key not named here is refused."""

from typing import Any

import msgspec

DEFAULT_MEMORY_MB = 128
DEFAULT_TIMEOUT_S = 3


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all parts of the file have in common: an unknown key is refused."""


class Destination(_Part, frozen=True, kw_only=True):
    """Where an end is reported: one of function, bucket, topic, stream and rocketmq."""

    function: str = ""
    """A function of this file, or any form of a URN."""
    bucket: str = ""
    """Of an object store: each end is an object."""
    prefix: str = ""
    """Of the objects' names."""
    expires: int = 0
    """Days after which an object is removed; 0: never."""
    topic: str = ""
    """The URN of a topic: each end is published."""
    stream: str = ""
    """The name of a stream: each end is a record."""
    rocketmq: dict[str, Any] = {}
    """Of failures only."""


class Async(_Part, frozen=True, kw_only=True):
    """How accepted events are retried, how long they wait, and who is told of their ends."""

    retries: int = 1
    max_age: int = 3600
    """Seconds from acceptance."""
    on_success: Destination | None = None
    on_failure: Destination | None = None


class Alias(_Part, frozen=True, kw_only=True):
    """A name that points to a version, and may send some events to one more: a percentage, or what fits rules."""

    version: str
    weight: dict[str, int] = {}
    """The other version and its percentage."""
    rules: dict[str, list[str]] = {}
    """The other version and what goes there: `HEADER=VALUE` or `HEADER in A,B`."""
    any: bool = False
    """Whether one rule that fits is enough."""
    description: str = ""


class Function(_Part, frozen=True, kw_only=True):
    """One function: its code or image, its size and limits, and what triggers it."""

    package: str = "default"
    code: str = ""
    """A folder with an executable `bootstrap` or, with `runtime`, with the file of the handler; or a zip of one; relative to the file."""
    runtime: str = ""
    """Whose server calls a handler, by FunctionGraph's name: `Python3.10`. Without it the code is a server."""
    handler: str = ""
    """`file.function`, with `runtime`."""
    image: str = ""
    command: list[str] = []
    """Executed in place of the image's own, with its arguments in `args`; without it, as the image says."""
    args: list[str] = []
    working_dir: str = ""
    uid: int = -1
    """Whom the image runs as; -1: user 1003."""
    gid: int = -1
    http: bool = False
    """Whether it gets the original HTTP requests instead of events."""
    memory: int = DEFAULT_MEMORY_MB
    """MB."""
    timeout: int = DEFAULT_TIMEOUT_S
    """Seconds."""
    initialize: bool = False
    """Whether `POST /init` is called once in each instance before anything else."""
    init_timeout: int = 30
    initializer: str = ""
    """`file.function` that is called once in each instance, with `runtime`."""
    pre_stop: str = ""
    """`file.function` that is called before an instance ends, with `runtime`."""
    pre_stop_timeout: int = 10
    """Seconds."""
    max_instances: int = 400
    concurrency: int = 1
    """Calls at the same time in one instance."""
    dynamic_memory: bool = False
    """Whether a call may ask for an instance of another memory size."""
    reserved: int | None = None
    """Instances that are always there; None: left as it is."""
    tags: dict[str, str] | None = None
    """All of them; None: left as they are."""
    version: str = ""
    """What code and configuration are published as, where there is no such version yet."""
    aliases: dict[str, Alias] = {}
    description: str = ""
    environment: dict[str, str] = {}
    secrets: dict[str, str] = {}
    """Like environment; stored encrypted and never shown."""
    async_: Async | None = msgspec.field(default=None, name="async")
    triggers: list[dict[str, Any]] = []
    """Each has `type`, may have `enabled`, and the rest is the type's `event_data`."""


class Manifest(_Part, frozen=True, kw_only=True):
    """The whole file."""

    functions: dict[str, Function]
