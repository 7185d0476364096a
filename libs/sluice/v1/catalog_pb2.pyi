from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Binding(_message.Message):
    __slots__ = ("trigger", "project", "type", "kind", "function", "settings", "mode", "status", "ordering", "batch_size", "linger_s", "filter", "max_pending", "max_pending_bytes", "incarnation", "generation", "created_ms")
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ORDERING_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    LINGER_S_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    MAX_PENDING_FIELD_NUMBER: _ClassVar[int]
    MAX_PENDING_BYTES_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    trigger: str
    project: str
    type: str
    kind: str
    function: str
    settings: bytes
    mode: str
    status: str
    ordering: str
    batch_size: int
    linger_s: float
    filter: str
    max_pending: int
    max_pending_bytes: int
    incarnation: str
    generation: int
    created_ms: int
    def __init__(self, trigger: _Optional[str] = ..., project: _Optional[str] = ..., type: _Optional[str] = ..., kind: _Optional[str] = ..., function: _Optional[str] = ..., settings: _Optional[bytes] = ..., mode: _Optional[str] = ..., status: _Optional[str] = ..., ordering: _Optional[str] = ..., batch_size: _Optional[int] = ..., linger_s: _Optional[float] = ..., filter: _Optional[str] = ..., max_pending: _Optional[int] = ..., max_pending_bytes: _Optional[int] = ..., incarnation: _Optional[str] = ..., generation: _Optional[int] = ..., created_ms: _Optional[int] = ...) -> None: ...

class Function(_message.Message):
    __slots__ = ("urn", "generation", "runtime", "handler", "code", "image", "memory_mb", "timeout_s", "initialize", "init_timeout_s", "max_instances", "instance_concurrency", "environment", "secrets", "max_retries", "max_age_s", "on_success", "on_failure", "dynamic_memory", "size", "initializer", "pre_stop", "pre_stop_timeout_s", "image_command", "image_args", "image_folder", "uid", "gid")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class SecretsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    URN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    HANDLER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    INITIALIZE_FIELD_NUMBER: _ClassVar[int]
    INIT_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    MAX_INSTANCES_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_S_FIELD_NUMBER: _ClassVar[int]
    ON_SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_MEMORY_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    INITIALIZER_FIELD_NUMBER: _ClassVar[int]
    PRE_STOP_FIELD_NUMBER: _ClassVar[int]
    PRE_STOP_TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    IMAGE_COMMAND_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ARGS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FOLDER_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    urn: str
    generation: int
    runtime: str
    handler: str
    code: str
    image: str
    memory_mb: int
    timeout_s: float
    initialize: bool
    init_timeout_s: float
    max_instances: int
    instance_concurrency: int
    environment: _containers.ScalarMap[str, str]
    secrets: _containers.ScalarMap[str, str]
    max_retries: int
    max_age_s: int
    on_success: str
    on_failure: str
    dynamic_memory: bool
    size: str
    initializer: str
    pre_stop: str
    pre_stop_timeout_s: float
    image_command: _containers.RepeatedScalarFieldContainer[str]
    image_args: _containers.RepeatedScalarFieldContainer[str]
    image_folder: str
    uid: int
    gid: int
    def __init__(self, urn: _Optional[str] = ..., generation: _Optional[int] = ..., runtime: _Optional[str] = ..., handler: _Optional[str] = ..., code: _Optional[str] = ..., image: _Optional[str] = ..., memory_mb: _Optional[int] = ..., timeout_s: _Optional[float] = ..., initialize: _Optional[bool] = ..., init_timeout_s: _Optional[float] = ..., max_instances: _Optional[int] = ..., instance_concurrency: _Optional[int] = ..., environment: _Optional[_Mapping[str, str]] = ..., secrets: _Optional[_Mapping[str, str]] = ..., max_retries: _Optional[int] = ..., max_age_s: _Optional[int] = ..., on_success: _Optional[str] = ..., on_failure: _Optional[str] = ..., dynamic_memory: _Optional[bool] = ..., size: _Optional[str] = ..., initializer: _Optional[str] = ..., pre_stop: _Optional[str] = ..., pre_stop_timeout_s: _Optional[float] = ..., image_command: _Optional[_Iterable[str]] = ..., image_args: _Optional[_Iterable[str]] = ..., image_folder: _Optional[str] = ..., uid: _Optional[int] = ..., gid: _Optional[int] = ...) -> None: ...

class Asynchronous(_message.Message):
    __slots__ = ("max_retries", "max_age_s", "on_success", "on_failure")
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_S_FIELD_NUMBER: _ClassVar[int]
    ON_SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    max_retries: int
    max_age_s: int
    on_success: str
    on_failure: str
    def __init__(self, max_retries: _Optional[int] = ..., max_age_s: _Optional[int] = ..., on_success: _Optional[str] = ..., on_failure: _Optional[str] = ...) -> None: ...

class HeaderRule(_message.Message):
    __slots__ = ("name", "op", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    op: str
    value: str
    def __init__(self, name: _Optional[str] = ..., op: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Alias(_message.Message):
    __slots__ = ("urn", "version", "additional", "weight", "rules", "combine", "asynchronous")
    URN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ADDITIONAL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    COMBINE_FIELD_NUMBER: _ClassVar[int]
    ASYNCHRONOUS_FIELD_NUMBER: _ClassVar[int]
    urn: str
    version: str
    additional: str
    weight: int
    rules: _containers.RepeatedCompositeFieldContainer[HeaderRule]
    combine: str
    asynchronous: Asynchronous
    def __init__(self, urn: _Optional[str] = ..., version: _Optional[str] = ..., additional: _Optional[str] = ..., weight: _Optional[int] = ..., rules: _Optional[_Iterable[_Union[HeaderRule, _Mapping]]] = ..., combine: _Optional[str] = ..., asynchronous: _Optional[_Union[Asynchronous, _Mapping]] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("urn", "count", "schedules", "uses")
    URN_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    urn: str
    count: int
    schedules: _containers.RepeatedCompositeFieldContainer[ReservedSchedule]
    uses: _containers.RepeatedCompositeFieldContainer[ReservedUse]
    def __init__(self, urn: _Optional[str] = ..., count: _Optional[int] = ..., schedules: _Optional[_Iterable[_Union[ReservedSchedule, _Mapping]]] = ..., uses: _Optional[_Iterable[_Union[ReservedUse, _Mapping]]] = ...) -> None: ...

class ReservedSchedule(_message.Message):
    __slots__ = ("cron", "count", "begins", "ends")
    CRON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    BEGINS_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    cron: str
    count: int
    begins: float
    ends: float
    def __init__(self, cron: _Optional[str] = ..., count: _Optional[int] = ..., begins: _Optional[float] = ..., ends: _Optional[float] = ...) -> None: ...

class ReservedUse(_message.Message):
    __slots__ = ("threshold", "least")
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LEAST_FIELD_NUMBER: _ClassVar[int]
    threshold: int
    least: int
    def __init__(self, threshold: _Optional[int] = ..., least: _Optional[int] = ...) -> None: ...

class Key(_message.Message):
    __slots__ = ("access_key", "secret_key", "project", "role", "expires", "security_token", "app_code", "triggers", "project_name")
    ACCESS_KEY_FIELD_NUMBER: _ClassVar[int]
    SECRET_KEY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    SECURITY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    APP_CODE_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    PROJECT_NAME_FIELD_NUMBER: _ClassVar[int]
    access_key: str
    secret_key: str
    project: str
    role: str
    expires: float
    security_token: str
    app_code: str
    triggers: _containers.RepeatedScalarFieldContainer[str]
    project_name: str
    def __init__(self, access_key: _Optional[str] = ..., secret_key: _Optional[str] = ..., project: _Optional[str] = ..., role: _Optional[str] = ..., expires: _Optional[float] = ..., security_token: _Optional[str] = ..., app_code: _Optional[str] = ..., triggers: _Optional[_Iterable[str]] = ..., project_name: _Optional[str] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("generation", "binding", "function", "alias", "key", "removed", "reservation")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    generation: int
    binding: Binding
    function: Function
    alias: Alias
    key: Key
    removed: str
    reservation: Reservation
    def __init__(self, generation: _Optional[int] = ..., binding: _Optional[_Union[Binding, _Mapping]] = ..., function: _Optional[_Union[Function, _Mapping]] = ..., alias: _Optional[_Union[Alias, _Mapping]] = ..., key: _Optional[_Union[Key, _Mapping]] = ..., removed: _Optional[str] = ..., reservation: _Optional[_Union[Reservation, _Mapping]] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("service", "kinds")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    service: str
    kinds: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, service: _Optional[str] = ..., kinds: _Optional[_Iterable[str]] = ...) -> None: ...

class ChangeBatch(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ...) -> None: ...

class CodeRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class CodeChunk(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class Health(_message.Message):
    __slots__ = ("trigger", "service", "state", "reason", "lag", "held_by", "at")
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    HELD_BY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    trigger: str
    service: str
    state: str
    reason: str
    lag: int
    held_by: str
    at: float
    def __init__(self, trigger: _Optional[str] = ..., service: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., lag: _Optional[int] = ..., held_by: _Optional[str] = ..., at: _Optional[float] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("service", "generation", "health")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    service: str
    generation: int
    health: _containers.RepeatedCompositeFieldContainer[Health]
    def __init__(self, service: _Optional[str] = ..., generation: _Optional[int] = ..., health: _Optional[_Iterable[_Union[Health, _Mapping]]] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
