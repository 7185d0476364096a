"""What `/sluice/v1` answers. Times are seconds since the epoch."""

from typing import Any, NotRequired, TypedDict


class TriggerState(TypedDict):
    """A trigger, what its service says of it, and what its events came to."""

    trigger_id: str
    type: str
    name: str
    function_urn: str
    status: str
    state: str
    reason: str
    lag: int
    held_by: str
    received: int
    success: int
    failed: int
    discarded: int
    filtered: int
    open: int


class TriggerStates(TypedDict):
    """`next` goes into `after`; empty at the end."""

    triggers: list[TriggerState]
    next: str


class Step(TypedDict):
    """One thing that happened to an event."""

    at: float
    what: str
    detail: str


class Story(TypedDict):
    """What happened to an event. Also a line of `tail`."""

    id: str
    state: str
    trigger_id: str
    function_urn: str
    steps: list[Step]


class DeadEvent(TypedDict):
    """An event that ended FAIL or DISCARD."""

    sequence: int
    id: str
    trigger_id: str
    function_urn: str
    end: str
    failure: str
    message: str
    status: int
    accepted_at: float
    ended_at: float
    attempts: int
    executions: int
    redriven: str
    body: NotRequired[str]


class DeadEvents(TypedDict):
    """`next` goes into `after`; 0 at the end."""

    dead: list[DeadEvent]
    next: int


class Redriven(TypedDict):
    """The events that took the place of dead ones."""

    events: list[str]
    count: int


class Counted(TypedDict):
    """How many there were."""

    count: int


class Instances(TypedDict):
    """The running instances of functions."""

    instances: list[dict[str, Any]]


class Check(TypedDict):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


class Checks(TypedDict):
    """What doctor found."""

    checks: list[Check]


class DryRunResult(TypedDict):
    """What a trigger would make of a record."""

    trigger_id: str
    status: str
    matches: bool
    unmatched: str
    mode: str
    function_urn: str
    versions: dict[str, int]
    event: Any


class ListedKey(TypedDict):
    """A key without its secrets; `expires_at` 0: never."""

    access_key: str
    role: str
    description: str
    created_at: float
    expires_at: float
    triggers: list[str]


class Keys(TypedDict):
    """The keys of a project."""

    keys: list[ListedKey]


class NewKey(ListedKey):
    """The one answer with secrets."""

    project_id: str
    secret_key: str
    security_token: NotRequired[str]
    app_code: NotRequired[str]


class Project(TypedDict):
    """One project and its own bounds."""

    id: str
    name: str
    description: str
    created_at: float
    quotas: dict[str, Any]


class Projects(TypedDict):
    """All projects."""

    projects: list[Project]


class NewProject(TypedDict):
    """A project and its first admin key."""

    project: Project
    key: NewKey


class IdentityProjects(TypedDict):
    """As the IAM service lists projects."""

    projects: list[dict[str, Any]]
    links: dict[str, Any]


class Domain(TypedDict):
    name: str
    id: str


class User(TypedDict):
    """Whose key it was."""

    name: str
    id: str
    domain: Domain


class Trace(TypedDict):
    """What somebody asked of the API, in CTS's form. Times are whole seconds since the epoch."""

    time: int
    user: User
    request: dict[str, str]
    response: dict[str, str]
    code: int
    service_type: str
    resource_type: str
    resource_name: str
    resource_id: str
    trace_name: str
    trace_type: str
    record_time: int
    trace_id: str
    trace_status: str


class Traces(TypedDict):
    """`next` goes into `before`; 0 at the end."""

    traces: list[Trace]
    next: int
