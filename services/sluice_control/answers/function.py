"""Functions as FunctionGraph answers them: for each operation the fields that its SDK's class names, no other. Null: nothing to say."""

from typing import Annotated, Any, TypeVar

import msgspec

Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, UTC."""
Answer = TypeVar("Answer", bound=msgspec.Struct)


def of(kind: type[Answer], values: dict[str, Any]) -> Answer:
    """The answer of that kind, of a dict that has at least its fields."""
    return kind(**{name: values[name] for name in kind.__struct_fields__})


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """How many instances at most, and requests at once in each."""

    concurrency: int
    concurrent_num: int


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """The container image of a function that has one."""

    enabled: bool
    image: str
    command: str
    args: str
    working_dir: str
    uid: str
    gid: str
    is_public: bool


class CodeLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where the package is downloaded."""

    file: str
    link: str


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """What every operation tells of a function version."""

    func_urn: str
    func_name: str
    domain_id: str
    namespace: str
    project_name: str
    package: str
    runtime: str
    timeout: int
    handler: str
    memory_size: int
    cpu: int
    code_type: str
    code_url: str
    code_filename: str
    code_size: int
    digest: str
    version: str
    image_name: str
    last_modified: Time
    long_time: bool
    user_data: str
    encrypted_user_data: str
    strategy_config: Strategy
    type: str
    xrole: str | None
    app_xrole: str | None
    initializer_handler: str | None
    initializer_timeout: int | None
    pre_stop_handler: str | None
    pre_stop_timeout: int | None
    enterprise_project_id: str | None


class Listed(Function, frozen=True, kw_only=True):
    """An element of list_functions."""

    description: str
    resource_id: str
    extend_config: str | None
    gpu_memory: int | None
    func_vpc_id: str | None
    is_bridge_function: bool
    bind_bridge_funcUrns: list[str]  # noqa: N815 - FunctionGraph spells it so
    fail_count: int | None
    log_group_id: str | None
    log_stream_id: str | None


class Limited(Function, frozen=True, kw_only=True):
    """Of update_function_max_instance_config."""

    description: str
    dependencies: list[dict[str, Any]]
    domain_names: str | None
    enable_auth_in_header: bool
    enable_cloud_debug: str
    enable_dynamic_memory: bool
    func_vpc: dict[str, Any] | None
    mount_config: dict[str, Any] | None
    is_return_stream: bool
    is_stateful_function: bool
    log_group_id: str | None
    log_stream_id: str | None


class Updated(Limited, frozen=True, kw_only=True):
    """Of update_function_config."""

    custom_image: Image | None
    enable_lts_log: bool
    lts_custom_tag: dict[str, str] | None
    ephemeral_storage: int
    func_id: str
    resource_id: str
    gpu_memory: int | None
    peering_cidr: str | None
    user_data_encrypt_kms_key_id: str | None


class _Whole(Function, frozen=True, kw_only=True):
    """What creating and showing have in common."""

    description: str
    allow_ephemeral_storage: bool
    apig_route_enable: bool
    code_encrypt_kms_key_id: str | None
    custom_image: Image | None
    depend_list: list[str]
    depend_version_list: list[str]
    dependencies: list[dict[str, Any]]
    enable_auth_in_header: bool
    enable_class_isolation: bool
    enable_cloud_debug: str
    enable_dynamic_memory: bool
    enable_lts_log: bool
    lts_custom_tag: dict[str, str] | None
    ephemeral_storage: int
    func_id: str
    resource_id: str
    func_vpc: dict[str, Any] | None
    gpu_memory: int | None
    gpu_type: str | None
    heartbeat_handler: str | None
    is_bridge_function: bool
    is_return_stream: bool
    is_stateful_function: bool
    log_group_id: str | None
    log_stream_id: str | None
    mount_config: dict[str, Any] | None
    network_controller: dict[str, Any] | None
    user_data_encrypt_kms_key_id: str | None


class Created(_Whole, frozen=True, kw_only=True):
    """Of create_function."""

    domain_names: str | None
    extend_config: str | None


class Shown(_Whole, frozen=True, kw_only=True):
    """Of show_function_config."""

    peering_cidr: str | None
    reserved_instance_idle_mode: bool | None


class VersionAsyncConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The asynchronous settings within a version."""

    max_async_event_age_in_seconds: int
    max_async_retry_attempts: int
    destination_config: dict[str, Any]
    created_time: str
    last_modified: str


class Published(Function, frozen=True, kw_only=True):
    """Of create_function_version."""

    description: str
    version_description: str
    dependencies: list[dict[str, Any]]
    enable_dynamic_memory: bool
    func_vpc: dict[str, Any] | None
    mount_config: dict[str, Any] | None
    log_group_id: str | None
    log_stream_id: str | None
    function_async_config: VersionAsyncConfig | None


class Version(Function, frozen=True, kw_only=True):
    """An element of list_function_versions."""

    concurrency: int
    concurrent_num: int
    custom_image: Image | None
    enable_auth_in_header: bool
    enable_dynamic_memory: bool
    func_vpc_id: str | None
    is_stateful_function: bool
    reserved_instance_idle_mode: bool | None
    function_async_config: VersionAsyncConfig | None


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Of show_function_code and update_function_code."""

    func_urn: str
    func_name: str
    domain_id: str
    runtime: str
    code_type: str
    code_url: str
    code_filename: str
    code_size: int
    digest: str
    last_modified: Time
    depend_list: list[str]
    depend_version_list: list[str]
    dependencies: list[dict[str, Any]]
    strategy_config: Strategy
    func_code: CodeLink


class Functions(msgspec.Struct, frozen=True, kw_only=True):
    """Of list_functions; `next_marker` is the offset of what follows."""

    functions: list[Listed]
    next_marker: int
    count: int


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """Of list_function_versions."""

    versions: list[Version]
    next_marker: int
    count: int
