"""Control put together: the catalog that services watch, and the API that changes it."""

from starlette.types import ASGIApp

from sluice.ledger import Records
from sluice.runner import Logs
from sluice_control.api import build
from sluice_control.asgi import Identify, identity_of
from sluice_control.doctor import Doctor
from sluice_control.keeper import Keeper


class Control(Keeper):
    """Owns `data`/control, and is a Catalog. An async context manager: enter it on the event loop that it is to live on."""

    def api(self, records: Records, logs: Logs, doctor: Doctor, identify: Identify = identity_of) -> ASGIApp:
        """The FunctionGraph REST API and `/sluice/v1`. Reached only through the gateway, which has checked who is asking;
        `identify` reads from the scope what it found."""
        return build(self, records, logs, doctor, identify)
