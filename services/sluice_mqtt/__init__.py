"""The mqtt kind."""

from sluice_mqtt.kind import KIND

__all__ = ["KIND"]
