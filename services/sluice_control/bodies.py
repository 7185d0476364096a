"""The bodies of requests, field for field as FunctionGraph names them. None: the field was left out."""

from typing import Any, Literal

import msgspec


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all bodies have in common: an unknown field is refused."""


class FuncCode(_Body, frozen=True, kw_only=True):
    file: str = ""
    """The package, Base64."""
    link: str = ""


class CustomImage(_Body, frozen=True, kw_only=True):
    enabled: bool = False
    image: str = ""
    command: str = ""
    args: str = ""
    working_dir: str = ""
    uid: str = ""
    gid: str = ""
    is_public: bool = False


class StrategyConfig(_Body, frozen=True, kw_only=True):
    concurrency: int = 400
    concurrent_num: int = 1


class MountUser(_Body, frozen=True, kw_only=True):
    user_id: int
    user_group_id: int


class FuncMount(_Body, frozen=True, kw_only=True):
    mount_type: Literal["sfs", "sfsTurbo", "ecs"]
    mount_resource: str
    mount_share_path: str = ""
    local_mount_path: str
    status: str = ""


class MountConfig(_Body, frozen=True, kw_only=True):
    mount_user: MountUser
    func_mounts: list[FuncMount]


class FunctionSettings(_Body, frozen=True, kw_only=True):
    """What a function version is configured with; the part that creating and updating share, and that is stored."""

    runtime: str | None = None
    timeout: int | None = None
    handler: str | None = None
    memory_size: int | None = None
    depend_version_list: list[str] | None = None
    func_vpc: dict[str, Any] | None = None
    gpu_memory: int | None = None
    gpu_type: str | None = None
    custom_image: CustomImage | None = None
    user_data: str | None = None
    encrypted_user_data: str | None = None
    xrole: str | None = None
    app_xrole: str | None = None
    description: str | None = None
    mount_config: dict[str, Any] | None = None
    initializer_handler: str | None = None
    initializer_timeout: int | None = None
    pre_stop_handler: str | None = None
    pre_stop_timeout: int | None = None
    heartbeat_handler: str | None = None
    restore_hook_handler: str | None = None
    restore_hook_timeout: int | None = None
    enterprise_project_id: str | None = None
    type: str | None = None
    log_config: dict[str, Any] | None = None
    network_controller: dict[str, Any] | None = None
    peering_cidr: str | None = None
    is_stateful_function: bool | None = None
    enable_dynamic_memory: bool | None = None
    enable_auth_in_header: bool | None = None
    enable_class_isolation: bool | None = None
    enable_lts_log: bool | None = None
    lts_custom_tag: dict[str, str] | None = None
    is_return_stream: bool | None = None
    ephemeral_storage: int | None = None
    extend_config: str | None = None
    user_data_encrypt_kms_key_id: str | None = None
    code_encrypt_kms_key_id: str | None = None
    domain_names: str | None = None
    tags: str | None = None
    code_type: str | None = None
    code_url: str | None = None
    code_filename: str | None = None
    strategy_config: StrategyConfig | None = None


class CreateFunction(FunctionSettings, frozen=True, kw_only=True):
    func_name: str
    package: str
    runtime: str
    timeout: int
    handler: str
    memory_size: int
    func_code: FuncCode | None = None


class UpdateConfig(FunctionSettings, frozen=True, kw_only=True):
    func_name: str
    runtime: str
    timeout: int
    handler: str
    memory_size: int


class UpdateCode(_Body, frozen=True, kw_only=True):
    code_type: str
    func_code: FuncCode
    code_url: str | None = None
    code_filename: str | None = None
    depend_version_list: list[str] | None = None
    code_encrypt_kms_key_id: str | None = None


class UpdateMaxInstances(_Body, frozen=True, kw_only=True):
    max_instance_num: int


class CreateVersion(_Body, frozen=True, kw_only=True):
    digest: str = ""
    version: str = ""
    description: str = ""


class VersionStrategyRule(_Body, frozen=True, kw_only=True):
    rule_type: str = "Header"
    param: str
    op: str
    value: str


class VersionStrategy(_Body, frozen=True, kw_only=True):
    rules: list[VersionStrategyRule]
    combine_type: str = "and"


class UpdateAlias(_Body, frozen=True, kw_only=True):
    version: str
    description: str = ""
    additional_version_weights: dict[str, int] = {}
    additional_version_strategy: dict[str, VersionStrategy] = {}


class CreateAlias(UpdateAlias, frozen=True, kw_only=True):
    name: str


class Destination(_Body, frozen=True, kw_only=True):
    destination: str
    param: str


class DestinationConfig(_Body, frozen=True, kw_only=True):
    on_success: Destination | None = None
    on_failure: Destination | None = None


class AsyncConfig(_Body, frozen=True, kw_only=True):
    max_async_event_age_in_seconds: int = 3600
    max_async_retry_attempts: int = 1
    destination_config: DestinationConfig = DestinationConfig()
    enable_async_status_log: bool = False
    log_group_id: str = ""
    log_stream_id: str = ""
    log_group_name: str = ""
    log_stream_name: str = ""


class CreateEvent(_Body, frozen=True, kw_only=True):
    name: str
    content: str


class UpdateEvent(_Body, frozen=True, kw_only=True):
    content: str
    name: str = ""


class Tag(_Body, frozen=True, kw_only=True):
    key: str
    value: str = ""


class TagValues(_Body, frozen=True, kw_only=True):
    key: str
    values: list[str] = []


class ChangeTags(_Body, frozen=True, kw_only=True):
    action: str = ""
    tags: list[Tag] = []
    sys_tags: list[Tag] = []


class SelectResources(_Body, frozen=True, kw_only=True):
    """Which functions are meant by their tags; a field left out means any."""

    without_any_tag: bool = False
    limit: str | int = ""
    offset: str | int = ""
    action: str = ""
    matches: list[Tag] = []
    tags: list[TagValues] = []
    sys_tags: list[TagValues] = []


class CronConfig(_Body, frozen=True, kw_only=True):
    """From each instant of `cron` (UTC) on, between the two times (seconds since 1970): so many instances."""

    name: str
    cron: str
    count: int
    start_time: int
    expired_time: int


class MetricConfig(_Body, frozen=True, kw_only=True):
    """So many instances that at most `threshold` percent of their places are taken, and at least `min`."""

    name: str
    type: str = "Concurrency"
    threshold: int
    min: int


class TacticsConfig(_Body, frozen=True, kw_only=True):
    cron_configs: list[CronConfig] = []
    metric_configs: list[MetricConfig] = []


class ReservedInstances(_Body, frozen=True, kw_only=True):
    count: int
    idle_mode: bool = False
    tactics_config: TacticsConfig = TacticsConfig()


class ImportFunction(_Body, frozen=True, kw_only=True):
    func_name: str
    file_name: str
    file_type: str
    file_code: str
    package: str = "default"


class Nothing(_Body, frozen=True, kw_only=True):
    """No field at all; the body may be left out."""


class CreateTrigger(_Body, frozen=True, kw_only=True):
    trigger_type_code: str
    event_data: dict[str, Any]
    trigger_status: str = ""
    event_type_code: str = ""


class UpdateTrigger(_Body, frozen=True, kw_only=True):
    trigger_status: str = ""
    event_data: list[dict[str, Any]] | dict[str, Any] | None = None


class Cancel(_Body, frozen=True, kw_only=True):
    request_id: str
    type: str = ""


class DryRun(_Body, frozen=True, kw_only=True):
    """The value of a record: text, or bytes in Base64; None: a sample of the kind's."""

    value: str | None = None
    is_base64: bool = False
    key: str | None = None


class CreateKey(_Body, frozen=True, kw_only=True):
    """`ttl` in seconds, 0: for ever. `project`: an id or a name; "": the sender's own."""

    role: str = "invoker"
    description: str = ""
    ttl: int = 0
    triggers: list[str] = []
    project: str = ""


class DeadSelection(_Body, frozen=True, kw_only=True):
    """Which dead events a redrive or a purge means; a field left out means any."""

    trigger: str = ""
    function: str = ""
    failure: str = ""
    ids: list[str] = []
    since: float = 0.0
    until: float = 0.0


class Redrive(DeadSelection, frozen=True, kw_only=True):
    limit: int = 1000
    dry_run: bool = False
