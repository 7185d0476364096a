"""The gateway: the one public HTTP door. Triggers, invocations, and the way to control's API."""

from sluice_gateway.kind import KIND

__all__ = ["KIND"]
