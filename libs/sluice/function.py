"""A function version as the mesh sees it, and how a qualifier finds one."""

import msgspec

from sluice.runtimes import CONTAINER, HTTP

MEMORY_SIZES_MB = (128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 8192, 10240)
MAX_SYNC_TIMEOUT_S = 900


class Function(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of a function, whole: what the runner needs to start it and the dispatcher to judge it.

    `urn` is full, with the version. `code` is the digest (SHA-512, hexadecimal) of the code package, "" for an image.
    `generation` grows with each change of this version; an instance of an older generation takes no new calls.
    `environment` and `secrets` are merged for the function; `secrets` never reach an API answer or a log.
    """

    urn: str
    generation: int = 1
    runtime: str = CONTAINER
    handler: str = "-"
    code: str = ""
    image: str = ""
    image_command: tuple[str, ...] = ()
    """What is executed in place of the image's own, and with which arguments; empty: as the image says."""
    image_args: tuple[str, ...] = ()
    image_folder: str = ""
    """Where it is executed; "": where the image says."""
    uid: int = 0
    """Whom an image runs as; 0: the engine's own user for functions."""
    gid: int = 0
    memory_mb: int = 128
    timeout_s: float = 3.0
    initialize: bool = False
    init_timeout_s: float = 30.0
    initializer: str = ""
    """The initializer as `file.function`, of a runtime whose server is the platform's."""
    pre_stop: str = ""
    """What is called before an instance ends, in the same form."""
    pre_stop_timeout_s: float = 0.0
    """How long an instance may take to end, where that is more than the engine's own grace."""
    max_instances: int = 400
    """-1: no bound of its own; 0: the function is disabled."""
    instance_concurrency: int = 1
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    secrets: dict[str, str] = msgspec.field(default_factory=dict)
    max_retries: int = 0
    """Further attempts after one that counts; 0 without an async configuration."""
    max_age_s: int = 86_400
    """From acceptance; 24 h without an async configuration, else its own."""
    on_success: str = ""
    """Where the end is reported, as `sluice.destination` writes it, or ""."""
    on_failure: str = ""
    dynamic_memory: bool = False
    """Whether a call may ask for an instance of another memory size."""
    size: str = ""
    """`@512` for the same version on instances of a size that calls asked for, "" for its own size."""

    @property
    def is_http(self) -> bool:
        """An HTTP function gets the original request replayed instead of POST /invoke."""
        return self.runtime == HTTP

    @property
    def place(self) -> str:
        """Names what instances are shared by: those of one version and one memory size."""
        return self.urn + self.size

    def sized(self, memory_mb: int) -> "Function":
        """The same version on instances of another memory size."""
        return msgspec.structs.replace(self, memory_mb=memory_mb, size=f"@{memory_mb}")


class Asynchronous(msgspec.Struct, frozen=True):
    """How accepted events are retried, how long they wait, and who is told of their ends; the words are those of `Function`."""

    max_retries: int
    max_age_s: int
    on_success: str = ""
    on_failure: str = ""


class HeaderRule(msgspec.Struct, frozen=True):
    """True of a request whose header `name` (in any case) is `value`, or with `op` `in` one of its values separated by commas."""

    name: str
    op: str
    value: str


class Alias(msgspec.Struct, frozen=True):
    """`urn` ends with `!name`. `additional` gets `weight` percent of the events, chosen by a hash of the event id; or those whose request's
    headers fit `rules`: all of them when `combine` is `and`, any when it is `or`. `asynchronous` goes before the version's own."""

    urn: str
    version: str
    additional: str = ""
    weight: int = 0
    rules: tuple[HeaderRule, ...] = ()
    combine: str = "and"
    asynchronous: Asynchronous | None = None
