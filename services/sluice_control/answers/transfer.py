"""What importing a function answers with: the fields that FunctionGraph's SDK names."""

from typing import Any

import msgspec

from sluice_control.answers.function import Strategy, Time


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """Of import_function."""

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
    gpu_memory: int | None
    cpu: int
    code_type: str
    code_url: str
    code_filename: str
    code_size: int
    user_data: str
    digest: str
    version: str
    image_name: str
    xrole: str | None
    app_xrole: str | None
    description: str
    version_description: str
    last_modified: Time
    func_vpc: dict[str, Any] | None
    depend_list: list[str]
    depend_version_list: list[str]
    strategy_config: Strategy
    extend_config: str | None
    initializer_handler: str | None
    initializer_timeout: int | None
    pre_stop_handler: str | None
    pre_stop_timeout: int | None
    enterprise_project_id: str | None
