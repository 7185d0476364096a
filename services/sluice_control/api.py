"""The whole API of control as one ASGI app."""

from starlette.types import ASGIApp

from sluice.ledger import Records
from sluice.runner import Logs
from sluice_control.asgi import application
from sluice_control.doctor import Doctor
from sluice_control.function_api import FunctionApi
from sluice_control.keeper import Keeper
from sluice_control.trigger_api import TriggerApi


def build(control: Keeper, records: Records, logs: Logs, doctor: Doctor) -> ASGIApp:
    """Reached only through the gateway, which has checked who is asking."""
    return application([*FunctionApi(control).operations(), *TriggerApi(control).operations()])
