"""What belongs to functions (test events, reserved instances, tags, logs) and to projects (quotas), as FunctionGraph answers them."""

from typing import Any, NotRequired, TypedDict

from sluice_control.answers.invocation import PageInfo


class Quota(TypedDict):
    """-1: no bound but the machine's."""

    type: str
    quota: int
    used: int
    unit: str


class QuotaResources(TypedDict):
    """All quotas."""

    resources: list[Quota]


class Quotas(TypedDict):
    """Of list_quotas."""

    quotas: QuotaResources


class NamedEvent(TypedDict):
    """Of create_event and update_event."""

    id: str
    name: str


class ListedEvent(NamedEvent):
    """An element of list_events; seconds since the epoch."""

    last_modified: float


class EventPage(TypedDict):
    """Of list_events."""

    count: int
    events: list[ListedEvent]
    next_marker: int


class ShownEvent(ListedEvent):
    """Of show_event; the content is Base64."""

    content: str


class Tactics(TypedDict):
    """When how many instances are reserved."""

    cron_configs: list[dict[str, Any]]
    metric_configs: list[dict[str, Any]]


class Reserved(TypedDict):
    """Of update_function_reserved_instances_count."""

    count: int
    idle_mode: bool
    tactics_config: Tactics


class ReservedNow(TypedDict):
    """An element of list_function_reserved_instances: the number in force now."""

    func_urn: str
    count: int


class ReservedNowPage(TypedDict):
    """Of list_function_reserved_instances."""

    reservedinstances: list[ReservedNow]
    page_info: PageInfo
    count: int


class ReservedConfig(TypedDict):
    """An element of list_reserved_instance_configs."""

    function_urn: str
    qualifier_type: str
    qualifier_name: str
    min_count: int
    idle_mode: bool
    tactics_config: Tactics


class ReservedConfigPage(TypedDict):
    """Of list_reserved_instance_configs."""

    reserved_instances: list[ReservedConfig]
    page_info: PageInfo
    count: int


class LogStream(TypedDict):
    """Of show_lts_log_details and show_project_async_status_log_info."""

    group_name: str
    group_id: str
    stream_id: str
    stream_name: str


class Tag(TypedDict):
    """One label of one function."""

    key: str
    value: str


class Tags(TypedDict):
    """Of list_function_tags."""

    tags: list[Tag]
    sys_tags: list[Tag]


class TagValues(TypedDict):
    """A key with the values it has somewhere in the project."""

    key: str
    values: list[str]


class ProjectTags(TypedDict):
    """Of show_project_tags_list."""

    tags: list[TagValues]
    sys_tags: list[TagValues]


class TaggedResources(TypedDict):
    """Of show_res_instance_info; the number alone where the action is count."""

    resources: NotRequired[list[dict[str, Any]]]
    total_count: int
