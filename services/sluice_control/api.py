"""The whole API of control as one ASGI app."""

from functools import cache

import msgspec
from starlette.types import ASGIApp

from sluice.ledger import Records
from sluice.runner import Logs
from sluice_control import unserved
from sluice_control.asgi import Identify, Operation, application, identity_of
from sluice_control.doctor import Doctor
from sluice_control.keeper import Keeper
from sluice_control.openapi import document
from sluice_control.operations.alias import AliasApi
from sluice_control.operations.asynchronous import AsyncApi
from sluice_control.operations.dry_run import DryRunApi
from sluice_control.operations.event import EventApi
from sluice_control.operations.function import FunctionApi
from sluice_control.operations.key import KeyApi
from sluice_control.operations.log_detail import LogDetailApi
from sluice_control.operations.mesh import MeshApi
from sluice_control.operations.project import ProjectApi
from sluice_control.operations.reserved import ReservedApi
from sluice_control.operations.statistics import StatisticsApi
from sluice_control.operations.tag import TagApi
from sluice_control.operations.trail import TrailApi
from sluice_control.operations.transfer import TransferApi
from sluice_control.operations.trigger import TriggerApi


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
        *TrailApi(control).operations(),
    ]


def build(control: Keeper, records: Records, logs: Logs, doctor: Doctor, identify: Identify = identity_of) -> ASGIApp:
    """Reached only through the gateway, which has checked who is asking."""
    served = operations(control, records, logs, doctor)

    @cache
    def described() -> bytes:
        # most never ask for it, and what it is made of would stay with the process
        return msgspec.json.encode(document(served))

    return application([*served, *unserved.operations()], identify, described, control.trail.note)
