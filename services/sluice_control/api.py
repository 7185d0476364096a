"""The whole API of control as one ASGI app."""

from functools import cache

import msgspec
from starlette.types import ASGIApp

from sluice.ledger import Records
from sluice.runner import Logs
from sluice_control import unserved
from sluice_control.alias_api import AliasApi
from sluice_control.asgi import Identify, Operation, application, identity_of
from sluice_control.async_api import AsyncApi
from sluice_control.doctor import Doctor
from sluice_control.dry_run_api import DryRunApi
from sluice_control.event_api import EventApi
from sluice_control.function_api import FunctionApi
from sluice_control.keeper import Keeper
from sluice_control.key_api import KeyApi
from sluice_control.log_detail_api import LogDetailApi
from sluice_control.mesh_api import MeshApi
from sluice_control.openapi import document
from sluice_control.project_api import ProjectApi
from sluice_control.reserved_api import ReservedApi
from sluice_control.statistics_api import StatisticsApi
from sluice_control.tag_api import TagApi
from sluice_control.transfer_api import TransferApi
from sluice_control.trigger_api import TriggerApi


def operations(control: Keeper, records: Records, logs: Logs, doctor: Doctor) -> list[Operation]:
    """Every operation that is served."""
    return [
        *FunctionApi(control, records).operations(),
        *AliasApi(control).operations(),
        *TriggerApi(control).operations(),
        *AsyncApi(control, records).operations(),
        *StatisticsApi(control, records).operations(),
        *MeshApi(control, records, logs, doctor).operations(),
        *DryRunApi(control).operations(),
        *EventApi(control).operations(),
        *ReservedApi(control).operations(),
        *TransferApi(control).operations(),
        *LogDetailApi(control).operations(),
        *TagApi(control).operations(),
        *KeyApi(control).operations(),
        *ProjectApi(control).operations(),
    ]


def build(control: Keeper, records: Records, logs: Logs, doctor: Doctor, identify: Identify = identity_of) -> ASGIApp:
    """Reached only through the gateway, which has checked who is asking."""
    served = operations(control, records, logs, doctor)

    @cache
    def described() -> bytes:
        # most never ask for it, and what it is made of would stay with the process
        return msgspec.json.encode(document(served))

    return application([*served, *unserved.operations()], identify, described)
