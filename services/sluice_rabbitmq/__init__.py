"""The rabbitmq kind."""

from sluice_rabbitmq.kind import KIND

__all__ = ["KIND"]
